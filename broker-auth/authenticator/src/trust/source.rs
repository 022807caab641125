//! [`TrustSource`]: where the files of a trust are read.

use std::io;
use std::path::{Path, PathBuf};

use super::crl::NewestCrl;
use crate::certificate::Fingerprint;

/// A copy of a list that was in force.
#[derive(Clone, Debug)]
pub struct KeptCrl {
    /// Where the copy is.
    pub file: PathBuf,
    /// The file that it was read from: the SHA-256 of its path, in hex.
    pub origin: String,
    /// The list, unverified.
    pub der: Vec<u8>,
}

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

    /// The newest list that was ever in force for the CA `issuer` (its name and key), restarts included: an older one is
    /// refused.
    fn newest_crl(&self, issuer: &Fingerprint) -> NewestCrl;

    /// Copies of the lists that were last in force for the CA `issuer`. Nothing about them is trusted.
    fn kept_crls(&self, issuer: &Fingerprint) -> Vec<KeptCrl>;
}
