//! [`Passphrase`]: what encrypts a CA key at rest, read as OpenSSL reads it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use zeroize::Zeroizing;

/// The most of a passphrase file that OpenSSL reads, in bytes (`APP_PASS_LEN` less its NUL).
const OPENSSL_FILE_LEN: usize = 1023;

/// The fewest characters of a passphrase that is not weak.
const STRONG_CHARACTERS: usize = 12;

/// The passphrase that encrypts a CA key at rest. Never empty, zeroized on drop, never printed.
///
/// It is octets, not text: OpenSSL gives a file or a variable to the key derivation as it is, whatever its encoding.
pub struct Passphrase {
    octets: Zeroizing<Vec<u8>>,
    /// What earlier versions took the same file or variable for, where that differs: all lines, less the last line
    /// ending.
    earlier: Option<Zeroizing<Vec<u8>>>,
}

/// Why there is no passphrase in a source of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseError {
    /// There is no text.
    #[error("the passphrase is empty")]
    Empty,
    /// The file begins with a line ending or a NUL, and goes on.
    #[error("the passphrase is the first line of its file, which is empty")]
    EmptyLine,
}

/// By which reading of its source a passphrase opened a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reading {
    /// As OpenSSL reads it.
    Openssl,
    /// As earlier versions read it, and OpenSSL does not.
    Earlier,
}

impl Passphrase {
    /// A passphrase that was typed.
    pub fn new(text: Zeroizing<String>) -> Result<Self, PassphraseError> {
        Self::of(Zeroizing::new(text.as_bytes().to_vec()), None)
    }

    /// The passphrase of an environment variable: all of it, as `openssl -passin env:` reads it.
    pub fn from_variable(value: OsString) -> Result<Self, PassphraseError> {
        let octets = Zeroizing::new(value.into_vec());
        let earlier = earlier_reading(&octets);
        Self::of(octets, earlier)
    }

    /// The passphrase of a file with this content: the first line, as `openssl -passin file:` reads it. That is at most
    /// 1023 bytes, up to the first line feed or NUL; a carriage return is part of it.
    pub fn from_file(content: &[u8]) -> Result<Self, PassphraseError> {
        let read = content.get(..OPENSSL_FILE_LEN).unwrap_or(content);
        let line = read.split(|octet| matches!(octet, b'\n' | b'\0')).next().unwrap_or_default();
        if line.is_empty() && !content.is_empty() {
            return Err(PassphraseError::EmptyLine);
        }
        Self::of(Zeroizing::new(line.to_vec()), earlier_reading(content))
    }

    fn of(octets: Zeroizing<Vec<u8>>, earlier: Option<Zeroizing<Vec<u8>>>) -> Result<Self, PassphraseError> {
        if octets.is_empty() {
            return Err(PassphraseError::Empty);
        }
        let earlier = earlier.filter(|earlier| *earlier != octets && !earlier.is_empty());
        Ok(Self { octets, earlier })
    }

    /// The same passphrase without the reading of earlier versions.
    pub(super) fn as_openssl_reads(&self) -> Self {
        Self { octets: self.octets.clone(), earlier: None }
    }

    /// The octets that encrypt.
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The readings by which a key may open, the right one first.
    pub(super) fn readings(&self) -> impl Iterator<Item = (Reading, &[u8])> {
        let earlier = self.earlier.as_ref().map(|octets| (Reading::Earlier, octets.as_slice()));
        [(Reading::Openssl, self.octets.as_slice())].into_iter().chain(earlier)
    }

    /// Whether its source holds more than the passphrase, or a line ending that is part of it: whoever wrote it may
    /// have meant something else.
    pub(crate) fn is_read_otherwise(&self) -> bool {
        self.earlier.is_some()
    }

    /// Whether two passphrases are equal, for a prompt that asks twice.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.octets == other.octets
    }

    /// How many characters it has, if they are fewer than a new passphrase should have.
    pub(crate) fn weakness(&self) -> Option<Weak> {
        let characters = String::from_utf8_lossy(&self.octets).chars().count();
        (characters < STRONG_CHARACTERS).then_some(Weak { characters })
    }
}

/// A passphrase that is short enough to be found by trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has {characters} character(s), a new passphrase has at least {STRONG_CHARACTERS}")]
pub(crate) struct Weak {
    characters: usize,
}

/// What earlier versions took for the passphrase: UTF-8, less one line ending at its end.
fn earlier_reading(content: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = std::str::from_utf8(content).ok()?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    Some(Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).as_bytes().to_vec()))
}
