//! Where the demo puts its files: a temporary directory, or one that is kept.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::trouble::Trouble;

/// Where everything lies.
pub(super) struct Place {
    /// Removed at the end.
    scratch: TempDir,
    /// Stays.
    keep: Option<PathBuf>,
}

impl Place {
    /// A temporary directory, and `keep`, which must not be in use.
    pub(super) fn make(keep: Option<&Path>) -> Result<Self, Trouble> {
        let scratch = tempfile::Builder::new().prefix("countersign-demo-").tempdir();
        let scratch = scratch.map_err(|source| Trouble::File { path: std::env::temp_dir(), source })?;
        let Some(dir) = keep else { return Ok(Self { scratch, keep: None }) };
        let file = |source| Trouble::File { path: dir.to_owned(), source };
        fs::create_dir_all(dir).map_err(file)?;
        if fs::read_dir(dir).map_err(file)?.next().is_some() {
            return Err(Trouble::InUse(dir.to_owned()));
        }
        let keep = Some(dir.canonicalize().map_err(file)?);
        Ok(Self { scratch, keep })
    }

    fn root(&self) -> &Path {
        self.keep.as_deref().unwrap_or_else(|| self.scratch.path())
    }

    /// Where things go that nobody keeps.
    pub(super) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// The fleet directory.
    pub(super) fn fleet(&self) -> PathBuf {
        self.root().join("fleet")
    }

    /// What the broker logs.
    pub(super) fn broker_log(&self) -> PathBuf {
        self.root().join("broker.log")
    }

    /// The passphrase of a kept fleet.
    pub(super) fn passphrase_file(&self) -> PathBuf {
        self.root().join("passphrase")
    }

    /// Keeps the passphrase, for its owner alone.
    pub(super) fn write_passphrase(&self, passphrase: &str) -> Result<(), Trouble> {
        let path = self.passphrase_file();
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| writeln!(file, "{passphrase}"))
            .map_err(|source| Trouble::File { path, source })
    }
}
