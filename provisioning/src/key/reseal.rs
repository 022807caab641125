//! [`reseal`]: a CA key under another passphrase, or under the same one as OpenSSL reads it.

use std::io;
use std::path::{Path, PathBuf};

use ring::rand::SecureRandom;
use zeroize::Zeroizing;

use super::{KeyFileError, KeyPair, KeyPairError, Passphrase};
use crate::fleet::{ReadError, Replacement, read_regular, write_private};

/// The longest key file that is read, in bytes.
const MAX_KEY_FILE_LEN: usize = 64 * 1024;

/// A key file, encrypted anew and not written yet.
pub(crate) struct Resealed {
    path: PathBuf,
    /// `None` where the new passphrase opens the file already.
    text: Option<Zeroizing<String>>,
}

/// Why a key was not encrypted anew.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResealError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: ReadError,
    },
    /// The file holds no key that can be opened.
    #[error("{path}: {fault}", path = .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why not.
        fault: KeyFileError,
    },
    /// The key was not encrypted.
    #[error(transparent)]
    Seal(#[from] KeyPairError),
    /// The file cannot be written.
    #[error("cannot write {path}: {source}", path = .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Opens the key file with `old`, and encrypts its key with `new`.
///
/// A file that `new` opens already stays as it is, so that a command that was interrupted between two files is simply
/// run again.
pub(crate) fn reseal(
    path: &Path,
    old: &Passphrase,
    new: &Passphrase,
    rng: &dyn SecureRandom,
) -> Result<Resealed, ResealError> {
    let content = read_regular(path, MAX_KEY_FILE_LEN)
        .map_err(|source| ResealError::Read { path: path.to_owned(), source })?;
    let fault = |fault| ResealError::Key { path: path.to_owned(), fault };
    let text = std::str::from_utf8(&content).map_err(|_| fault(KeyFileError::Format))?;
    let path = path.to_owned();
    let key = match KeyPair::unseal(text, &new.as_openssl_reads()) {
        Ok(_) => return Ok(Resealed { path, text: None }),
        Err(KeyFileError::Passphrase) => KeyPair::unseal(text, old).map_err(fault)?,
        Err(other) => return Err(fault(other)),
    };
    Ok(Resealed { path, text: Some(key.seal(new, rng)?) })
}

impl Resealed {
    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file is to be replaced.
    pub(crate) fn is_changed(&self) -> bool {
        self.text.is_some()
    }

    /// Replaces the file, and tells how; `None` where it stays as it is.
    pub(crate) fn write(&self) -> Result<Option<Replacement>, ResealError> {
        let Some(text) = &self.text else { return Ok(None) };
        write_private(&self.path, text.as_bytes())
            .map(Some)
            .map_err(|source| ResealError::Write { path: self.path.clone(), source })
    }
}
