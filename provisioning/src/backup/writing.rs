//! [`back_up`]: writes a fleet into one file.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tar::{Builder, EntryType, Header};

use super::contents::{self, Contents, Unreadable};
use super::digesting::{Digesting, Digests, manifest};
use super::member::MemberName;
use crate::authority::Authority;
use crate::delivery::{FileSystem as _, OperatingSystem};
use crate::fleet::{Fleet, create_private, directory_of, sync_directory};
use crate::registry::{Registry, RegistryError};
use crate::timestamp::Timestamp;

/// The longest image that is read, in bytes.
const MAX_IMAGE_LEN: u64 = 1024 * 1024;

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    /// Something has this name.
    #[error("{path} exists already", path = .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file of the fleet cannot be read.
    #[error(transparent)]
    Read(#[from] Unreadable),
    /// The backup cannot be written.
    #[error("cannot write {path}: {source}", path = .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The registry did not answer.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// What is in a backup.
#[derive(Debug, Serialize)]
pub(crate) struct BackupReport {
    /// How many files.
    pub(crate) files: usize,
    /// Files that a fleet has, and this one has not.
    pub(crate) missing: Vec<PathBuf>,
}

/// Writes a fleet into the file `target`, which must not exist. Others may work meanwhile: the registry is read in one
/// transaction, and the other files after it, so that no list is older than the registry.
pub(crate) fn back_up(
    fleet: &Fleet,
    target: &Path,
    with_images: bool,
    now: Timestamp,
) -> Result<BackupReport, BackupError> {
    if fs::symlink_metadata(target).is_ok() {
        return Err(BackupError::Exists { path: target.to_owned() });
    }
    let registry = Registry::open(&fleet.registry())?;
    let drafts = Drafts::beside(target);
    let files = write(fleet, &registry, &drafts, with_images, now)?;
    place(&drafts.archive, target).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists { path: target.to_owned() },
        _ => BackupError::Write { path: target.to_owned(), source },
    })?;
    Ok(BackupReport { files, missing: missing(fleet) })
}

/// The files that become a backup; they are removed with this.
struct Drafts {
    archive: PathBuf,
    registry: PathBuf,
}

impl Drafts {
    fn beside(target: &Path) -> Self {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let draft = |of: &str| directory_of(target).join(format!(".{name}.{}.{of}", std::process::id()));
        Self { archive: draft("backup"), registry: draft("registry") }
    }
}

impl Drop for Drafts {
    fn drop(&mut self) {
        for path in [&self.archive, &self.registry] {
            // Usually there is none any more.
            let _ = fs::remove_file(path);
        }
    }
}

/// Writes the archive; gives how many files are in it.
fn write(
    fleet: &Fleet,
    registry: &Registry,
    drafts: &Drafts,
    with_images: bool,
    now: Timestamp,
) -> Result<usize, BackupError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| BackupError::Write { path, source }
    };
    let draft = new_file(&drafts.archive).map_err(failed(&drafts.archive))?;
    let mut archive = Archive { builder: Builder::new(BufWriter::new(draft)), digests: Digests::new(), now };
    new_file(&drafts.registry).map_err(failed(&drafts.registry))?;
    registry.copy_into(&drafts.registry).map_err(|error| error_of_copy(&drafts.registry, error))?;
    let copy = File::open(&drafts.registry).map_err(failed(&drafts.registry))?;
    let length = copy.metadata().map_err(failed(&drafts.registry))?.len();
    if let Some(name) = MemberName::parse(MemberName::REGISTRY) {
        archive.add(name, length, copy).map_err(failed(&drafts.archive))?;
    }
    for (name, content) in Contents::read(fleet)?.iter() {
        archive.add(name.clone(), content.len() as u64, content).map_err(failed(&drafts.archive))?;
    }
    for name in if with_images { contents::images(fleet)? } else { Vec::new() } {
        // One that was moved away meanwhile is not there.
        if let Some(content) = contents::read(&name.within(fleet.root()), MAX_IMAGE_LEN)? {
            archive.add(name, content.len() as u64, content.as_slice()).map_err(failed(&drafts.archive))?;
        }
    }
    archive.finish().map_err(failed(&drafts.archive))
}

/// A full disk is that of the backup, and not that of the registry.
fn error_of_copy(path: &Path, error: RegistryError) -> BackupError {
    if error.is_disk_full() {
        BackupError::Write { path: path.to_owned(), source: io::ErrorKind::StorageFull.into() }
    } else {
        error.into()
    }
}

/// A new file that only the owner can read; one that an interrupted process of this id left is replaced.
fn new_file(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    create_private(path)
}

/// An archive that is being written.
struct Archive {
    builder: Builder<BufWriter<File>>,
    digests: Digests,
    now: Timestamp,
}

impl Archive {
    fn add(&mut self, name: MemberName, length: u64, content: impl Read) -> io::Result<()> {
        let header = header(name.as_str(), length, self.now)?;
        let mut content = Digesting::new(content.take(length));
        self.builder.append(&header, &mut content)?;
        let (digest, read) = content.finish();
        if read != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.digests.insert(name, digest);
        Ok(())
    }

    /// Adds the digests, and syncs the file.
    fn finish(mut self) -> io::Result<usize> {
        let manifest = manifest(&self.digests);
        let header = header(MemberName::MANIFEST, manifest.len() as u64, self.now)?;
        self.builder.append(&header, manifest.as_bytes())?;
        let mut writer = self.builder.into_inner()?;
        writer.flush()?;
        writer.get_ref().sync_all()?;
        Ok(self.digests.len())
    }
}

fn header(name: &str, length: u64, now: Timestamp) -> io::Result<Header> {
    let mut header = Header::new_ustar();
    header.set_path(name)?;
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o600);
    header.set_mtime(now.unix());
    header.set_size(length);
    header.set_cksum();
    Ok(header)
}

/// Gives the archive its name, unless something has it.
fn place(draft: &Path, target: &Path) -> io::Result<()> {
    match OperatingSystem.rename_to_free(draft, target) {
        // Another name for the same file is refused where the name is taken, too.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => fs::hard_link(draft, target)?,
        placed => placed?,
    }
    sync_directory(directory_of(target))
}

/// The files that `init` makes and that are not there.
fn missing(fleet: &Fleet) -> Vec<PathBuf> {
    let mut files = vec![fleet.broker_config(), fleet.broker_certificate(), fleet.broker_key()];
    for authority in Authority::ALL {
        files.extend([
            fleet.root_certificate(authority),
            fleet.root_key(authority),
            fleet.issuing_certificate(authority),
            fleet.issuing_key(authority),
        ]);
    }
    files.extend(Authority::WITH_CRL.map(|authority| fleet.crl(authority)));
    files.retain(|path| !path.exists());
    files
}
