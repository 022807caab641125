//! [`PasswordFile`]: the password of each identity.

use std::collections::BTreeMap;
use std::fmt;

use authenticator::certificate::Fingerprint;
use authenticator::identity::Identity;

use super::hash::{Argon2Hash, HashFault};
use super::qualified_name::{QualifiedName, QualifiedNameError};

/// A password file: a line `namespace/name:$argon2id$…` for each identity, lines that begin with `#`, and blank ones.
/// Lines end with LF or CRLF.
#[derive(Clone, Debug, Default)]
pub struct PasswordFile {
    entries: BTreeMap<QualifiedName, Entry>,
}

/// The password of one identity.
#[derive(Clone, Debug)]
pub struct Entry {
    hash: Argon2Hash,
    digest: EntryDigest,
    line: usize,
}

/// SHA-256 of an entry, as [`super::set`] writes it. Two entries that share it are the same password of the same identity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryDigest(Fingerprint);

/// An identity has shown its password. Made by [`Entry::verify`] alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordProof {
    entry: EntryDigest,
}

/// The password is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the password is wrong")]
pub struct WrongPassword;

/// What is weak about an entry, which is taken all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Guessing is cheap.
    #[error("a stolen file is guessed too cheaply at this cost (OWASP): set the password anew")]
    Cost,
    /// The salt is short.
    #[error("its salt has {length} bytes, and RFC 9106 recommends 16: set the password anew")]
    ShortSalt {
        /// Its length, in bytes.
        length: usize,
    },
}

/// Why a text is no password file. Lines count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFileError {
    /// It is too large.
    #[error("the password file has {length} bytes, and {} are the most", PasswordFile::MOST_BYTES)]
    TooLarge {
        /// Its length, in bytes.
        length: usize,
    },
    /// It begins with U+FEFF, which some editors write.
    #[error("line 1: the password file begins with a byte order mark: save it as UTF-8 without one")]
    ByteOrderMark,
    /// A line has no colon in front of a hash.
    #[error("line {line}: a line is written namespace/name:$argon2id$…, a comment begins with #")]
    NoEntry {
        /// The line.
        line: usize,
    },
    /// A line names no identity.
    #[error("line {line}: {error}")]
    Name {
        /// The line.
        line: usize,
        /// Why it names none.
        error: QualifiedNameError,
    },
    /// The hash of a line is refused.
    #[error("line {line}: what is behind the colon {error}")]
    Hash {
        /// The line.
        line: usize,
        /// Why it is refused.
        error: HashFault,
    },
    /// Two lines have the same identity.
    #[error("line {line}: line {first} has the same identity: keep one of them")]
    Duplicate {
        /// The later line.
        line: usize,
        /// The earlier one.
        first: usize,
    },
}

impl PasswordFile {
    /// The longest file, in bytes: 16 MiB.
    pub const MOST_BYTES: usize = 16 << 20;

    /// Reads the text of a file.
    ///
    /// # Errors
    /// It is too large, or a line is neither an entry, a comment, nor blank; the first such line is named.
    pub fn parse(text: &str) -> Result<Self, PasswordFileError> {
        if text.len() > Self::MOST_BYTES {
            return Err(PasswordFileError::TooLarge { length: text.len() });
        }
        if text.starts_with('\u{feff}') {
            return Err(PasswordFileError::ByteOrderMark);
        }
        let mut entries = BTreeMap::<QualifiedName, Entry>::new();
        for (line, text) in (1..).zip(text.lines()) {
            let Some((name, hash)) = parse_line(line, text)? else { continue };
            if let Some(first) = entries.get(&name) {
                return Err(PasswordFileError::Duplicate { line, first: first.line });
            }
            let digest = EntryDigest(Fingerprint::of(written(&name, &hash).as_bytes()));
            entries.insert(name, Entry { hash, digest, line });
        }
        Ok(Self { entries })
    }

    /// The password of `identity`, if it has one.
    pub fn entry(&self, identity: &Identity) -> Option<&Entry> {
        self.entries.get(identity.qualified().as_str())
    }

    /// All entries, by name.
    pub fn entries(&self) -> impl Iterator<Item = (&QualifiedName, &Entry)> {
        self.entries.iter()
    }

    /// The digests of all entries, in no order: a proof whose entry is among them rests on a password that is still set.
    pub fn digests(&self) -> impl Iterator<Item = EntryDigest> {
        self.entries.values().map(Entry::digest)
    }
}

/// What a line says; nothing, if it is a comment or blank.
pub(super) fn parse_line(
    line: usize,
    text: &str,
) -> Result<Option<(QualifiedName, Argon2Hash)>, PasswordFileError> {
    if text.starts_with('#') || text.trim().is_empty() {
        return Ok(None);
    }
    // A name may have a colon in it, and has no dollar sign.
    let (name, _) = text.split_once(":$").ok_or(PasswordFileError::NoEntry { line })?;
    let hash = text.get(name.len().saturating_add(1)..).unwrap_or_default();
    let name = name.parse().map_err(|error| PasswordFileError::Name { line, error })?;
    let hash = Argon2Hash::parse(hash).map_err(|error| PasswordFileError::Hash { line, error })?;
    Ok(Some((name, hash)))
}

/// The line of an entry, without its end.
pub(super) fn written(name: &QualifiedName, hash: &Argon2Hash) -> String {
    format!("{name}:{hash}")
}

impl Entry {
    /// Proves that `password` is this one. Blocks for milliseconds and allocates the memory that the cost says, 64 MiB at
    /// most: the caller bounds how many run at once.
    ///
    /// # Errors
    /// It is another, is empty, or is longer than [`Argon2Hash::LONGEST_PASSWORD`].
    pub fn verify(&self, password: &[u8]) -> Result<PasswordProof, WrongPassword> {
        if self.hash.is_of(password) { Ok(PasswordProof { entry: self.digest }) } else { Err(WrongPassword) }
    }

    /// What tells it from every other entry.
    pub fn digest(&self) -> EntryDigest {
        self.digest
    }

    /// The hash.
    pub fn hash(&self) -> &Argon2Hash {
        &self.hash
    }

    /// The line it stands on, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// What is weak about it.
    pub fn weaknesses(&self) -> impl Iterator<Item = Weakness> {
        let length = self.hash.salt_len();
        let cost = self.hash.cost().is_below_owasp().then_some(Weakness::Cost);
        cost.into_iter().chain((length < 16).then_some(Weakness::ShortSalt { length }))
    }
}

impl PasswordProof {
    /// The entry that it rests on: a live session is judged again by whether the file still has it.
    pub fn entry(&self) -> EntryDigest {
        self.entry
    }
}

impl EntryDigest {
    /// As a digest like any other.
    pub(crate) fn sha256(self) -> Fingerprint {
        self.0
    }
}

impl fmt::Debug for EntryDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryDigest({})", self.0)
    }
}

#[cfg(test)]
mod tests;
