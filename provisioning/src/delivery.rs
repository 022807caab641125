//! Files that appear only once the registry knows their certificates.
//!
//! A private key generated here is in its files and nowhere else, so no order of writing is harmless: a file the registry
//! does not know is a device nobody can revoke, and a registered device without its file is a lost board. Hence:
//!
//! 1. files are written to `.staging/` in their directory, named `<serial>.<name>`, and synced;
//! 2. the registry commits the serials;
//! 3. the files are renamed.
//!
//! Whatever stops the process, [`recover`] finishes: a staged file whose serial is registered is renamed, any other is
//! removed.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::fleet::{Fleet, create_private_directory, private_options, sync_directory};
use crate::registry::{RecordError, Registry, RegistryError};
use crate::serial::SerialNumber;

/// The directory that files are staged in, within the directory they are for.
const STAGING: &str = ".staging";

/// The least number of files for which one `syncfs` is cheaper than an `fsync` of each; with fewer, `syncfs` would
/// mostly wait for what other programs write to the same file system.
const SYNCFS_MIN_FILES: usize = 16;

/// Why files were not delivered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliveryError {
    /// A file or directory cannot be written.
    #[error("cannot write {path}: {source}", path = .path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The directory's name cannot be kept in the registry.
    #[error("the path {path} is not UTF-8", path = .path.display())]
    NotUtf8 {
        /// The directory.
        path: PathBuf,
    },
    /// The registry refused.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl From<RegistryError> for DeliveryError {
    fn from(error: RegistryError) -> Self {
        Self::Record(error.into())
    }
}

/// A directory that files are being delivered to.
pub(crate) struct Delivery {
    directory: PathBuf,
    /// The directory's name in the registry.
    registered_name: String,
}

/// Files that are staged and not delivered yet.
pub(crate) struct StagedFiles<'a> {
    delivery: &'a Delivery,
    /// Of each file, where it is staged and where it belongs.
    files: Vec<(PathBuf, PathBuf)>,
}

/// Opens `directory` for delivery, lets `deliver` stage and deliver files, and closes it. If `deliver` fails, staged
/// files are recovered as after a crash.
pub(crate) fn deliver_into<T, E: From<DeliveryError>>(
    fleet: &Fleet,
    registry: &mut Registry,
    directory: &Path,
    deliver: impl FnOnce(&Delivery, &mut Registry) -> Result<T, E>,
) -> Result<T, E> {
    let delivery = Delivery::open(fleet, registry, directory)?;
    match deliver(&delivery, registry) {
        Ok(delivered) => {
            delivery.close(registry)?;
            Ok(delivered)
        }
        Err(error) => {
            // Should this fail, the next command that issues recovers; the first error is the one to report.
            let _ = recover(fleet, registry);
            Err(error)
        }
    }
}

impl Delivery {
    /// Opens a directory for delivery, and creates it if it does not exist. The registry remembers it from now on.
    fn open(fleet: &Fleet, registry: &Registry, directory: &Path) -> Result<Self, DeliveryError> {
        let failed = |source| DeliveryError::Write { path: directory.to_owned(), source };
        create_private_directory(&directory.join(STAGING)).map_err(failed)?;
        let directory = directory.canonicalize().map_err(failed)?;
        // Relative inside the fleet, so that a fleet can be moved between a crash and its recovery.
        let root = fleet.root().canonicalize().map_err(failed)?;
        let name = directory.strip_prefix(root).unwrap_or(&directory).to_str();
        let name = name.ok_or_else(|| DeliveryError::NotUtf8 { path: directory.clone() })?.to_owned();
        registry.open_output_directory(&name)?;
        Ok(Self { directory, registered_name: name })
    }

    /// Starts a group of files that are delivered together.
    pub(crate) fn stage(&self) -> StagedFiles<'_> {
        StagedFiles { delivery: self, files: Vec::new() }
    }

    /// Makes the file names durable and lets the registry forget the directory: nothing is staged in it any more.
    fn close(self, registry: &Registry) -> Result<(), DeliveryError> {
        let failed = |source| DeliveryError::Write { path: self.directory.clone(), source };
        sync_directory(&self.directory).map_err(failed)?;
        remove_staging(&self.directory).map_err(failed)?;
        Ok(registry.close_output_directory(&self.registered_name)?)
    }
}

impl StagedFiles<'_> {
    /// Stages a file that belongs to the certificate of this serial number.
    pub(crate) fn add(
        &mut self,
        serial: SerialNumber,
        name: &str,
        content: &[u8],
    ) -> Result<(), DeliveryError> {
        let staged = self.delivery.directory.join(STAGING).join(format!("{serial}.{name}"));
        let failed = |source| DeliveryError::Write { path: staged.clone(), source };
        let mut file = private_options().create_new(true).open(&staged).map_err(failed)?;
        file.write_all(content).map_err(failed)?;
        self.files.push((staged, self.delivery.directory.join(name)));
        Ok(())
    }

    /// Syncs the files, lets the registry commit, and renames the files. If the registry refuses, they are removed.
    pub(crate) fn deliver(
        self,
        record: impl FnOnce() -> Result<(), RecordError>,
    ) -> Result<(), DeliveryError> {
        let staging = self.delivery.directory.join(STAGING);
        self.sync(&staging).map_err(|source| DeliveryError::Write { path: staging, source })?;
        match record() {
            Ok(()) => self.publish(),
            Err(error @ RecordError::Conflict(_)) => {
                self.discard();
                Err(error.into())
            }
            // The registry may have committed before it failed, and then the files are the only copy of a key.
            // `recover` asks the registry.
            Err(error @ RecordError::Registry(_)) => Err(error.into()),
        }
    }

    fn sync(&self, staging: &Path) -> io::Result<()> {
        if self.files.len() < SYNCFS_MIN_FILES || !sync_file_system(staging)? {
            for (staged, _) in &self.files {
                File::open(staged)?.sync_all()?;
            }
        }
        sync_directory(staging)
    }

    fn publish(self) -> Result<(), DeliveryError> {
        for (staged, path) in self.files {
            fs::rename(&staged, &path).map_err(|source| DeliveryError::Write { path, source })?;
        }
        Ok(())
    }

    fn discard(self) {
        for (staged, _) in self.files {
            // `recover` removes what could not be removed here.
            let _ = fs::remove_file(staged);
        }
    }
}

/// Delivers or removes the staged files in every directory the registry remembers. Returns the directories that do not
/// exist now (on a removed disk, for instance); the registry still remembers them.
pub(crate) fn recover(fleet: &Fleet, registry: &Registry) -> Result<Vec<PathBuf>, DeliveryError> {
    let mut absent = Vec::new();
    for name in registry.output_directories()? {
        // Joining an absolute path gives that path.
        let directory = fleet.root().join(&name);
        if !directory.is_dir() {
            absent.push(directory);
            continue;
        }
        let failed = |source| DeliveryError::Write { path: directory.clone(), source };
        for staged in staged_files(&directory).map_err(failed)? {
            let known = match &staged.serial {
                Some(serial) => registry.has_serial(serial)?,
                None => false,
            };
            let done = if known {
                fs::rename(&staged.path, directory.join(&staged.name))
            } else {
                fs::remove_file(&staged.path)
            };
            done.map_err(|source| DeliveryError::Write { path: staged.path, source })?;
        }
        sync_directory(&directory).map_err(failed)?;
        remove_staging(&directory).map_err(failed)?;
        registry.close_output_directory(&name)?;
    }
    Ok(absent)
}

/// A file found in a staging directory.
struct FoundFile {
    path: PathBuf,
    /// The serial number of the certificate it belongs to; `None` if the file name has none.
    serial: Option<SerialNumber>,
    /// The name it gets once delivered.
    name: String,
}

fn staged_files(directory: &Path) -> io::Result<Vec<FoundFile>> {
    let entries = match fs::read_dir(directory.join(STAGING)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let file = entry.file_name().to_string_lossy().into_owned();
        let (serial, name) = file.split_once('.').unwrap_or(("", ""));
        found.push(FoundFile { path: entry.path(), serial: serial.parse().ok(), name: name.to_owned() });
    }
    Ok(found)
}

fn remove_staging(directory: &Path) -> io::Result<()> {
    match fs::remove_dir(directory.join(STAGING)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Syncs the file system of `path`; `false` where there is no such call. Since Linux 5.8 `syncfs` reports a write error
/// of any file.
#[cfg(target_os = "linux")]
fn sync_file_system(path: &Path) -> io::Result<bool> {
    rustix::fs::syncfs(File::open(path)?)?;
    Ok(true)
}

#[cfg(not(target_os = "linux"))]
fn sync_file_system(_path: &Path) -> io::Result<bool> {
    Ok(false)
}
