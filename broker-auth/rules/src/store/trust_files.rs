//! [`TrustFiles`]: the files of a trust, on disk.

use std::io;
use std::path::{Path, PathBuf};

use authenticator::certificate::Fingerprint;
use authenticator::trust::{KeptCrl, NewestCrl, TrustSource};

use super::crl_numbers::CrlNumbers;
use super::files::{files_of, read_file};

/// Files on disk, and the record of the newest lists.
#[derive(Clone, Copy, Debug)]
pub(super) struct TrustFiles<'a>(pub(super) &'a CrlNumbers);

impl TrustSource for TrustFiles<'_> {
    fn files(&self, source: &Path) -> io::Result<Vec<PathBuf>> {
        files_of(source)
    }

    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        read_file(file)
    }

    fn newest_crl(&self, issuer: &Fingerprint) -> NewestCrl {
        self.0.newest(issuer)
    }

    fn kept_crls(&self, issuer: &Fingerprint) -> Vec<KeptCrl> {
        self.0.lists().of(issuer)
    }
}
