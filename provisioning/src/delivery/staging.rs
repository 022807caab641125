//! [`Delivery`]: a directory that files are being delivered to, and the files that are staged in it.

use std::io;
use std::path::{Path, PathBuf};

use super::error::DeliveryError;
use super::file_system::{FileSystem, Occupant};
use super::name::{OnExisting, StagedName};
use super::placement::{Placement, place};
use super::recovery::{STAGING, close_directory, recover};
use crate::fleet::Fleet;
use crate::registry::{RecordError, Registry};
use crate::serial::SerialNumber;

/// A directory that files are being delivered to.
pub(crate) struct Delivery<'f> {
    pub(super) files: &'f dyn FileSystem,
    pub(super) directory: PathBuf,
    /// The directory's name in the registry.
    registered_name: String,
}

/// Files that are staged and not delivered yet.
pub(crate) struct StagedFiles<'a> {
    delivery: &'a Delivery<'a>,
    staged: Vec<StagedFile>,
}

struct StagedFile {
    staged: PathBuf,
    path: PathBuf,
    on_existing: OnExisting,
}

/// Opens `directory` for delivery, lets `deliver` stage and deliver files, and closes it. If `deliver` fails, staged
/// files are recovered as after a crash.
pub(crate) fn deliver_into<T, E: From<DeliveryError>>(
    files: &dyn FileSystem,
    fleet: &Fleet,
    registry: &mut Registry,
    directory: &Path,
    deliver: impl FnOnce(&Delivery<'_>, &mut Registry) -> Result<T, E>,
) -> Result<T, E> {
    let delivery = Delivery::open(files, fleet, registry, directory)?;
    match deliver(&delivery, registry) {
        Ok(delivered) => {
            delivery.close(registry)?;
            Ok(delivered)
        }
        Err(error) => {
            // Should this fail, the next command that issues recovers; the first error is the one to report.
            let _ = recover(files, fleet, registry);
            Err(error)
        }
    }
}

impl<'f> Delivery<'f> {
    /// Opens a directory for delivery, and creates it if it does not exist. The registry remembers it from now on.
    fn open(
        files: &'f dyn FileSystem,
        fleet: &Fleet,
        registry: &Registry,
        directory: &Path,
    ) -> Result<Self, DeliveryError> {
        let wanted = directory.to_owned();
        let failed = |source| DeliveryError::Write { path: wanted.clone(), source };
        files.create_directory(directory).map_err(failed)?;
        let directory = files.canonical(directory).map_err(failed)?;
        // Relative inside the fleet, so that a fleet can be moved between a crash and its recovery.
        let root = files.canonical(fleet.root()).map_err(failed)?;
        let name = directory.strip_prefix(root).unwrap_or(&directory).to_str();
        let name = name.ok_or_else(|| DeliveryError::NotUtf8 { path: directory.clone() })?.to_owned();
        let staging = directory.join(STAGING);
        let occupant = files.occupant(&staging).map_err(failed)?;
        if occupant == Occupant::Nothing && registry.output_directories()?.contains(&name) {
            return Err(DeliveryError::Elsewhere { directory, staging });
        }
        // Made before the registry remembers the directory: see `close_directory`.
        files.create_directory(&staging).map_err(failed)?;
        registry.open_output_directory(&name)?;
        Ok(Self { files, directory, registered_name: name })
    }

    /// Starts a group of files that are delivered together.
    pub(crate) fn stage(&self) -> StagedFiles<'_> {
        StagedFiles { delivery: self, staged: Vec::new() }
    }

    /// Makes the file names durable and lets the registry forget the directory, unless something is staged in it still.
    fn close(self, registry: &Registry) -> Result<(), DeliveryError> {
        close_directory(self.files, registry, &self.directory, &self.registered_name).map(|_| ())
    }
}

impl StagedFiles<'_> {
    /// Stages a file that belongs to the certificate of this serial number.
    pub(crate) fn add(
        &mut self,
        serial: SerialNumber,
        name: &str,
        content: &[u8],
        on_existing: OnExisting,
    ) -> Result<(), DeliveryError> {
        let Delivery { files, directory, .. } = self.delivery;
        let staged_name = StagedName { serial, on_existing, name: name.to_owned() };
        let staged = directory.join(STAGING).join(staged_name.file_name());
        files
            .create(&staged, content)
            .map_err(|source| DeliveryError::Write { path: staged.clone(), source })?;
        self.staged.push(StagedFile { staged, path: directory.join(name), on_existing });
        Ok(())
    }

    /// Syncs the files, lets the registry commit, and gives the files their names. If a name is taken or the registry
    /// refuses, they are removed.
    pub(crate) fn deliver<T>(
        self,
        record: impl FnOnce() -> Result<T, RecordError>,
    ) -> Result<T, DeliveryError> {
        let Delivery { files, directory, .. } = self.delivery;
        let staging = directory.join(STAGING);
        let staged: Vec<_> = self.staged.iter().map(|file| file.staged.clone()).collect();
        files.sync(&staging, &staged).map_err(|source| DeliveryError::Write { path: staging, source })?;
        if let Some(path) = self.taken()? {
            self.discard();
            return Err(DeliveryError::Taken { path });
        }
        match record() {
            Ok(recorded) => self.publish().map(|()| recorded),
            Err(error @ RecordError::Conflict(_)) => {
                self.discard();
                Err(error.into())
            }
            // The registry may have committed before it failed, and then the files are the only copy of a key.
            // `recover` asks the registry.
            Err(error @ RecordError::Registry(_)) => Err(error.into()),
        }
    }

    /// The first new file whose name is taken, as far as the file system can tell before the files have their names.
    fn taken(&self) -> Result<Option<PathBuf>, DeliveryError> {
        for file in self.staged.iter().filter(|file| file.on_existing == OnExisting::Keep) {
            let path = &file.path;
            let occupant = self.delivery.files.occupant(path);
            let occupant = occupant.map_err(|source| DeliveryError::Write { path: path.clone(), source })?;
            if occupant != Occupant::Nothing {
                return Ok(Some(path.clone()));
            }
        }
        Ok(None)
    }

    /// Gives every file its name. One whose name is taken does not keep the others from theirs.
    fn publish(self) -> Result<(), DeliveryError> {
        let files = self.delivery.files;
        let mut kept = None;
        for StagedFile { staged, path, on_existing } in self.staged {
            let placed = match on_existing {
                OnExisting::Keep => place(files, &staged, &path),
                OnExisting::Replace => files.rename_over(&staged, &path).map(|()| Placement::Placed),
            };
            match placed {
                Ok(Placement::Placed) => {}
                Ok(Placement::Taken) => kept = kept.or(Some(DeliveryError::Kept { path, staged })),
                Err(source) => return Err(DeliveryError::Write { path, source }),
            }
        }
        kept.map_or(Ok(()), Err)
    }

    fn discard(self) {
        for file in self.staged {
            // `recover` removes what could not be removed here.
            let _: io::Result<()> = self.delivery.files.remove_file(&file.staged);
        }
    }
}
