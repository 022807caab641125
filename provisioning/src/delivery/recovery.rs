//! [`recover`]: finishing what an interrupted command began to deliver.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::error::DeliveryError;
use super::file_system::{FileSystem, Occupant};
use super::name::{OnExisting, StagedName};
use super::placement::{Placement, place_after_interruption};
use crate::fleet::Fleet;
use crate::registry::Registry;
use crate::serial::SerialNumber;

/// The directory that files are staged in, within the directory they are for.
pub(super) const STAGING: &str = ".staging";

/// What [`recover`] found.
#[derive(Debug, Default)]
pub(crate) struct Recovery {
    /// The certificates some of whose files were given their names now.
    pub(crate) finished: BTreeSet<SerialNumber>,
    /// The directories that a command was writing to when it was interrupted, and that nothing is left to be done in.
    pub(crate) closed: Vec<PathBuf>,
    /// The directories that are not there now, or not what they were: a disk was removed, for instance. The registry
    /// still remembers them.
    pub(crate) absent: Vec<PathBuf>,
    /// Staged files, and their names, which something else has. They stay where they are.
    pub(crate) kept: Vec<(PathBuf, PathBuf)>,
}

/// Delivers or removes the staged files in every directory the registry remembers.
pub(crate) fn recover(
    files: &dyn FileSystem,
    fleet: &Fleet,
    registry: &Registry,
) -> Result<Recovery, DeliveryError> {
    let mut recovery = Recovery::default();
    for name in registry.output_directories()? {
        // Joining an absolute path gives that path.
        let directory = fleet.root().join(&name);
        let failed = |source| DeliveryError::Write { path: directory.clone(), source };
        // Delivery makes this directory first and removes it last. Without it, this is the directory that the disk is
        // mounted on, or another disk.
        if files.occupant(&directory.join(STAGING)).map_err(failed)? == Occupant::Nothing {
            recovery.absent.push(directory);
            continue;
        }
        recover_staged(files, registry, &directory, &mut recovery)?;
        if close_directory(files, registry, &directory, &name)? {
            recovery.closed.push(files.canonical(&directory).unwrap_or(directory));
        }
    }
    Ok(recovery)
}

fn recover_staged(
    files: &dyn FileSystem,
    registry: &Registry,
    directory: &Path,
    recovery: &mut Recovery,
) -> Result<(), DeliveryError> {
    let staging = directory.join(STAGING);
    let names = files.names(&staging);
    for file_name in names.map_err(|source| DeliveryError::Write { path: staging.clone(), source })? {
        let staged = staging.join(&file_name);
        let failed = |source| DeliveryError::Write { path: staged.clone(), source };
        let found = match file_name.to_str().and_then(StagedName::parse) {
            Some(found) if registry.has_serial(&found.serial)? => found,
            _ => {
                files.remove_file(&staged).map_err(failed)?;
                continue;
            }
        };
        let path = directory.join(&found.name);
        let placed = match found.on_existing {
            OnExisting::Keep => place_after_interruption(files, &staged, &path),
            OnExisting::Replace => files.rename_over(&staged, &path).map(|()| Placement::Placed),
        };
        match placed.map_err(failed)? {
            Placement::Placed => _ = recovery.finished.insert(found.serial),
            Placement::Taken => recovery.kept.push((staged, path)),
        }
    }
    Ok(())
}

/// Makes the file names in a directory durable and lets the registry forget it, unless something is staged in it still;
/// then, `false`.
///
/// The registry forgets the directory before its staging directory is removed: a directory that the registry remembers
/// always has one, and without one it is another disk.
pub(super) fn close_directory(
    files: &dyn FileSystem,
    registry: &Registry,
    directory: &Path,
    registered_name: &str,
) -> Result<bool, DeliveryError> {
    let failed = |source| DeliveryError::Write { path: directory.to_owned(), source };
    let staging = directory.join(STAGING);
    files.sync(directory, &[]).map_err(failed)?;
    if !files.names(&staging).map_err(failed)?.is_empty() {
        return Ok(false);
    }
    registry.close_output_directory(registered_name)?;
    files.remove_directory(&staging).map_err(failed)?;
    Ok(true)
}
