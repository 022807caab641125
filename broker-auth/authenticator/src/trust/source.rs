//! [`TrustSource`]: where the files of a trust are read.

use std::io;
use std::path::{Path, PathBuf};

use super::crl::CrlNumber;
use crate::certificate::Fingerprint;

/// The port through which a trust is loaded.
pub trait TrustSource {
    /// The file `source` itself, or the files of the folder `source`, sorted.
    ///
    /// # Errors
    /// The folder cannot be listed.
    fn files(&self, source: &Path) -> io::Result<Vec<PathBuf>>;

    /// The whole of `file`.
    ///
    /// # Errors
    /// It cannot be read, or is larger than the implementation allows.
    fn read(&self, file: &Path) -> io::Result<Vec<u8>>;

    /// The highest CRL number that was ever in force for the CA `issuer` (its name and key), restarts included: a list
    /// with a lower one is refused.
    fn highest_crl_number(&self, issuer: &Fingerprint) -> Option<CrlNumber>;
}
