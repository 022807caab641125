//! The directories of the demo: a temporary one, and one that is kept.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::error::DemoError;

/// The directories of one demo.
pub(super) struct Workspace {
    /// The temporary directory; removed when the value is dropped.
    scratch: TempDir,
    /// The directory that is kept.
    keep: Option<PathBuf>,
}

impl Workspace {
    /// Makes a temporary directory, and `keep`, which must be empty or not exist.
    pub(super) fn create(keep: Option<&Path>) -> Result<Self, DemoError> {
        let scratch = tempfile::Builder::new().prefix("countersign-demo-").tempdir();
        let scratch = scratch.map_err(|source| DemoError::File { path: std::env::temp_dir(), source })?;
        let Some(dir) = keep else { return Ok(Self { scratch, keep: None }) };
        let file = |source| DemoError::File { path: dir.to_owned(), source };
        fs::create_dir_all(dir).map_err(file)?;
        if fs::read_dir(dir).map_err(file)?.next().is_some() {
            return Err(DemoError::NotEmpty(dir.to_owned()));
        }
        let keep = Some(dir.canonicalize().map_err(file)?);
        Ok(Self { scratch, keep })
    }

    fn root(&self) -> &Path {
        self.keep.as_deref().unwrap_or_else(|| self.scratch.path())
    }

    /// The temporary directory.
    pub(super) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// The fleet directory.
    pub(super) fn fleet(&self) -> PathBuf {
        self.root().join("fleet")
    }

    /// The log of the broker.
    pub(super) fn broker_log(&self) -> PathBuf {
        self.root().join("broker.log")
    }

    /// The file with the passphrase of a kept fleet.
    pub(super) fn passphrase_file(&self) -> PathBuf {
        self.root().join("passphrase")
    }

    /// Writes the passphrase of a kept fleet, readable by its owner only.
    pub(super) fn write_passphrase(&self, passphrase: &str) -> Result<(), DemoError> {
        let path = self.passphrase_file();
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| writeln!(file, "{passphrase}"))
            .map_err(|source| DemoError::File { path, source })
    }
}
