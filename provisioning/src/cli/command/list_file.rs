//! [`ListFile`]: a place that a list may be written to, whatever is there.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::cli::failure::Failure;
use crate::cli::output;
use crate::fleet::{ReadError, Replacement, Secrecy, read_named, replace};
use crate::pem::{self, Label};

/// The longest file that is taken for a list, in bytes.
const MAX_LIST_LEN: usize = 128 * 1024 * 1024;

/// Where a list may go: there is nothing, an empty file, a list, or a pipe or device.
pub(super) struct ListFile {
    path: PathBuf,
    /// It is what this process prints to.
    is_output: bool,
}

impl ListFile {
    /// Checks what is at `path`, which is not changed.
    ///
    /// # Errors
    /// There is a file of another kind, or it cannot be read.
    pub(super) fn at(path: PathBuf) -> Result<Self, Failure> {
        let is_output = match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {
                return Err(Failure::unwritable(&path, &ErrorKind::IsADirectory.into()));
            }
            Ok(metadata) => {
                let output = is_output(&metadata);
                let replaceable = output || !metadata.is_file() || metadata.len() == 0;
                if !replaceable && !holds_list(&path).map_err(|error| Failure::unreadable(&path, &error))? {
                    return Err(Failure::no_list(&path));
                }
                output
            }
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(Failure::unwritable(&path, &error)),
        };
        Ok(Self { path, is_output })
    }

    /// Whether the list is printed, so that nothing else may be.
    pub(super) fn is_output(&self) -> bool {
        self.is_output
    }

    /// Writes the list.
    pub(super) fn write(&self, text: &str) -> Result<(), Failure> {
        if self.is_output {
            return output::text(text);
        }
        let written = replace(&self.path, text.as_bytes(), Secrecy::Public);
        match written.map_err(|error| Failure::unwritable(&self.path, &error))? {
            Replacement::InPlace if self.path.is_file() => output::rewritten(&self.path),
            Replacement::InPlace | Replacement::Whole => {}
        }
        Ok(())
    }
}

fn is_output(metadata: &fs::Metadata) -> bool {
    rustix::fs::fstat(io::stdout())
        .is_ok_and(|output| output.st_dev == metadata.dev() && output.st_ino == metadata.ino())
}

/// Whether a file holds lists, in PEM or DER, and nothing else.
fn holds_list(path: &Path) -> io::Result<bool> {
    let content = match read_named(path, MAX_LIST_LEN) {
        Err(ReadError::TooLong { .. }) => return Ok(false),
        content => content?,
    };
    if let Ok(([], _)) = CertificateRevocationList::from_der(&content) {
        return Ok(true);
    }
    let lists = pem::decode(&content).unwrap_or_default();
    let others = pem::labels(&content).iter().any(|label| Label::of(label) != Some(Label::Crl));
    Ok(!lists.is_empty() && !others)
}
