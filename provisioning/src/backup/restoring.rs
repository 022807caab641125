//! [`restore`]: puts the files of a backup where they are missing.
//!
//! Nothing that is there is replaced: a fleet that is there knows more than its backup. The registry comes last, and only
//! after what files and lists know was read back into it; without one, no command takes the directory for a fleet.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::member::MemberName;
use super::restore_error::{RestoreError, failed};
use super::unpacking;
use crate::delivery::{FileSystem as _, OperatingSystem};
use crate::fleet::{Fleet, create_private_directory, directory_of, sync_directory};
use crate::reconcile::{self, Authorities, Reconciled, place_registry};
use crate::registry::Registry;
use crate::timestamp::Timestamp;

/// Where a backup is unpacked, within the directory that it is put into.
const UNPACKED: &str = ".restoring";

/// What was put back.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Restored {
    /// The files that were missing.
    pub(crate) restored: Vec<MemberName>,
    /// The files that are there, with another content than in the backup. They stayed.
    pub(crate) kept: Vec<MemberName>,
    /// What was left of a lost registry, and is in the way of none now.
    pub(crate) set_aside: Vec<PathBuf>,
    /// What files and lists knew and the registry lacked.
    pub(crate) reconciled: Reconciled,
}

/// Makes a fleet from a backup, in a directory that does not exist. It appears once it is whole.
pub(crate) fn restore_new(archive: &Path, fleet: &Fleet, now: Timestamp) -> Result<Restored, RestoreError> {
    let root = fleet.root();
    let parent = directory_of(root);
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    let draft = parent.join(format!(".{name}.countersign-restore"));
    if draft.exists() {
        // An earlier one was interrupted.
        fs::remove_dir_all(&draft).map_err(failed(&draft))?;
    }
    create_private_directory(&draft).map_err(failed(&draft))?;
    let made = restore(archive, &Fleet::at(&draft), now).and_then(|restored| {
        OperatingSystem
            .rename_to_free(&draft, root)
            .or_else(|error| match error.kind() {
                // A directory that is there and has something in it is not replaced.
                io::ErrorKind::Unsupported => fs::rename(&draft, root),
                _ => Err(error),
            })
            .map_err(failed(root))?;
        Ok(restored)
    });
    if made.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_dir_all(&draft);
    }
    let restored = made?;
    sync_directory(parent).map_err(failed(parent))?;
    Ok(restored)
}

/// Puts the files of a backup into the directory of a fleet, where they are missing. The caller holds both locks, unless
/// nobody else knows the directory.
pub(crate) fn restore(archive: &Path, fleet: &Fleet, now: Timestamp) -> Result<Restored, RestoreError> {
    let unpacked = fleet.root().join(UNPACKED);
    check_place(fleet.root())?;
    remove_unpacked(&unpacked)?;
    let done = create_private_directory(&unpacked)
        .map_err(failed(&unpacked))
        .and_then(|()| unpacking::unpack(archive, &unpacked))
        .and_then(|members| put_back(fleet, &unpacked, &members, now));
    let removed = remove_unpacked(&unpacked);
    let restored = done?;
    removed?;
    Ok(restored)
}

/// Checks that a directory is empty, or has something of a fleet in it. Hidden names do not count.
fn check_place(root: &Path) -> Result<(), RestoreError> {
    let entries =
        fs::read_dir(root).map_err(|source| RestoreError::Read { path: root.to_owned(), source })?;
    let names: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.file_name()).collect();
    let is_hidden = |name: &OsString| name.as_encoded_bytes().starts_with(b".");
    let is_of_fleet = |name: &OsString| name.to_str().is_some_and(MemberName::is_at_top);
    if names.iter().all(is_hidden) || names.iter().any(is_of_fleet) {
        return Ok(());
    }
    Err(RestoreError::NoFleet { path: root.to_owned() })
}

fn put_back(
    fleet: &Fleet,
    unpacked: &Path,
    members: &BTreeSet<MemberName>,
    now: Timestamp,
) -> Result<Restored, RestoreError> {
    let root = fleet.root();
    let mut restored = Restored::default();
    let mut missing = Vec::new();
    for name in members.iter().filter(|name| !name.is_registry()) {
        let path = name.within(root);
        if fs::symlink_metadata(&path).is_err() {
            missing.push(name);
        } else if !has_same_content(&path, &name.within(unpacked)) {
            if name.is_ca_certificate() {
                return Err(RestoreError::OtherFleet { path });
            }
            restored.kept.push(name.clone());
        }
    }
    // One that is there is opened before anything is changed.
    let present = match fs::symlink_metadata(fleet.registry()) {
        Ok(_) => Some(Registry::open(&fleet.registry())?),
        Err(_) => None,
    };
    for directory in [fleet.crls(), fleet.broker(), fleet.images(), fleet.services()] {
        create_private_directory(&directory).map_err(failed(&directory))?;
    }
    for name in missing {
        place(&name.within(unpacked), &name.within(root)).map_err(failed(&name.within(root)))?;
        restored.restored.push(name.clone());
    }
    let is_lost = present.is_none();
    let draft = unpacked.join(MemberName::REGISTRY);
    let mut registry = match present {
        Some(registry) => registry,
        None => Registry::open(&draft)?,
    };
    let authorities = Authorities::read(fleet, now);
    let mut reconciled = reconcile::certificates(fleet, &[], &authorities, &mut registry, now)?;
    // Lists of the backup whose place was taken, too.
    let lists = unpacked.join("crl");
    reconcile::lists(fleet, &[lists], &authorities, &mut registry, &mut reconciled)?;
    restored.reconciled = reconciled;
    registry.close()?;
    if is_lost {
        restored.set_aside = place_registry(fleet, &draft)?;
        restored.restored.extend(members.iter().filter(|name| name.is_registry()).cloned());
    }
    Ok(restored)
}

/// Gives an unpacked file its name, unless something has it; both are durable then.
fn place(unpacked: &Path, path: &Path) -> io::Result<()> {
    let directory = directory_of(path);
    create_private_directory(directory)?;
    match OperatingSystem.rename_to_free(unpacked, path) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            // Nobody else writes this fleet: both locks are held.
            fs::rename(unpacked, path)?;
        }
        placed => placed?,
    }
    sync_directory(directory)
}

fn has_same_content(path: &Path, other: &Path) -> bool {
    let length = |path: &Path| fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|found| found.len());
    length(path).is_some() && length(path) == length(other) && fs::read(path).ok() == fs::read(other).ok()
}

fn remove_unpacked(unpacked: &Path) -> Result<(), RestoreError> {
    match fs::remove_dir_all(unpacked) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(unpacked)(error)),
        _ => Ok(()),
    }
}
