//! New content for a file that may exist: as a whole or not at all, and the owner, the group, the mode and the kind stay
//! as they are.
//!
//! A broker runs as a user of its own. A list that root renames over the broker's own is unreadable to it, and the device
//! that was revoked stays online.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::durable::{directory_of, sync_directory};
use super::ownership::create_private;

/// How a file got its new content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replacement {
    /// As a whole: whoever reads it sees the old content or the new.
    Whole,
    /// The file itself was rewritten, since a new one could not have had its owner, or its place. Whoever reads at that
    /// moment may see a part.
    InPlace,
}

/// Whether others may read a file where its mode said so until now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// Never: a key. Its group may, as before.
    Secret,
    /// As before.
    Public,
}

impl Secrecy {
    /// That of a file that a command makes under this name: `cert.pem` and `ca.pem`, alone or after a name and a dot, hold
    /// certificates; every other one may hold a key.
    pub(crate) fn of_made(path: &Path) -> Self {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let holds_certificates = ["cert.pem", "ca.pem"].iter().any(|end| {
            name.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('.'))
        });
        if holds_certificates { Self::Public } else { Self::Secret }
    }
}

/// The most links that are followed from one path, as by the kernel.
const MAX_LINKS: usize = 40;

/// What is at a path.
enum Target {
    /// A regular file, or nothing, behind all links.
    File(PathBuf),
    /// A device, a pipe, or what a process has open, which is written to.
    Stream,
}

/// Gives `path` the content. It is on disk when this returns. A file that did not exist is its owner's alone.
pub(crate) fn replace(path: &Path, content: &[u8], secrecy: Secrecy) -> io::Result<Replacement> {
    let target = match Target::behind(path)? {
        Target::File(target) => target,
        Target::Stream => {
            OpenOptions::new().append(true).open(path)?.write_all(content)?;
            return Ok(Replacement::InPlace);
        }
    };
    let directory = directory_of(&target);
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let draft = directory.join(format!(".{name}.{}.draft", std::process::id()));
    let drafted = write_draft(&draft, content);
    match drafted.and_then(|()| rename_whole(&draft, &target, secrecy)) {
        Ok(()) => {
            sync_directory(directory)?;
            Ok(Replacement::Whole)
        }
        Err(error) => {
            // The first error is the one to report; a draft that stays is removed by the next process of this id.
            let _ = fs::remove_file(&draft);
            if !rewritable(&error, &target) {
                return Err(error);
            }
            rewrite(&target, content, secrecy)?;
            Ok(Replacement::InPlace)
        }
    }
}

/// Gives `path` a content that only its owner, and its group if it did already, may read.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<Replacement> {
    replace(path, content, Secrecy::Secret)
}

/// Moves a file that is on disk, and its owner's alone, to `path`, which gets its content as by [`replace`].
pub(crate) fn move_over(staged: &Path, path: &Path) -> io::Result<Replacement> {
    let is_plain = fs::symlink_metadata(path).map_or(true, |present| present.is_file());
    let secrecy = Secrecy::of_made(path);
    match if is_plain { rename_whole(staged, path, secrecy) } else { Err(Errno::BUSY.into()) } {
        Ok(()) => Ok(Replacement::Whole),
        Err(error) if !is_plain || rewritable(&error, path) => {
            let content = zeroize::Zeroizing::new(fs::read(staged)?);
            let replacement = replace(path, &content, secrecy)?;
            fs::remove_file(staged)?;
            Ok(replacement)
        }
        Err(error) => Err(error),
    }
}

impl Target {
    fn behind(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => return Err(Errno::ISDIR.into()),
            Ok(metadata) if !metadata.is_file() => {
                if metadata.file_type().is_socket() {
                    return Err(Errno::NXIO.into());
                }
                return Ok(Self::Stream);
            }
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            let Ok(next) = fs::read_link(&path) else { return Ok(Self::File(path)) };
            let directory = directory_of(&path).canonicalize()?;
            // Links there stand for open files: renaming would leave whoever has it open with the old one.
            if directory.starts_with("/proc") {
                return Ok(Self::Stream);
            }
            path = directory.join(next);
        }
        Err(Errno::LOOP.into())
    }
}

fn write_draft(draft: &Path, content: &[u8]) -> io::Result<()> {
    // A draft left by a crash is not opened but replaced: it may have another mode.
    if let Err(error) = fs::remove_file(draft)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = create_private(draft)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Gives `draft` the owner, the group, the mode and the access list of the file at `path`, if there is one, and then its
/// name. Others can read it at no moment before they may.
fn rename_whole(draft: &Path, path: &Path, secrecy: Secrecy) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(present) => {
            let file = File::open(draft)?;
            let own = file.metadata()?;
            let mut changed = false;
            if (own.uid(), own.gid()) != (present.uid(), present.gid()) {
                fchown(&file, Some(present.uid()), Some(present.gid())).map_err(owner_refused)?;
                changed = true;
            }
            let mode = kept_mode(&present, secrecy);
            if own.mode() & 0o7777 != mode {
                file.set_permissions(fs::Permissions::from_mode(mode))?;
                changed = true;
            }
            // The rights of an access list follow the mode's; where all others read, those of a key may not.
            if mode == present.mode() & 0o777 {
                changed |= copy_access_list(path, &file)?;
            }
            if changed {
                file.sync_all()?;
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::rename(draft, path)
}

fn kept_mode(present: &fs::Metadata, secrecy: Secrecy) -> u32 {
    let mode = present.mode() & 0o777;
    match secrecy {
        Secrecy::Public => mode,
        Secrecy::Secret => mode & !0o007,
    }
}

/// In a container an owner that it does not know is no permitted argument.
fn owner_refused(error: io::Error) -> io::Error {
    match Errno::from_io_error(&error) {
        Some(Errno::INVAL | Errno::OVERFLOW) => Errno::PERM.into(),
        _ => error,
    }
}

/// Users whom an access list names keep their right, the broker's for instance. Whether there was one.
#[cfg(target_os = "linux")]
fn copy_access_list(path: &Path, file: &File) -> io::Result<bool> {
    const ACCESS_LIST: &str = "system.posix_acl_access";
    // The longest value of an extended attribute (xattr(7)).
    let mut list = vec![0; 64 * 1024];
    match rustix::fs::getxattr(path, ACCESS_LIST, list.as_mut_slice()) {
        Ok(length) => {
            list.truncate(length);
            rustix::fs::fsetxattr(file, ACCESS_LIST, &list, rustix::fs::XattrFlags::empty())?;
            Ok(true)
        }
        Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn copy_access_list(_path: &Path, _file: &File) -> io::Result<bool> {
    Ok(false)
}

/// Whether a file that was not replaced as a whole can be rewritten where it is: its owner could not be kept, its
/// directory is closed to us or read-only, or it is a mount of its own, as in a container.
fn rewritable(error: &io::Error, path: &Path) -> bool {
    let refused = matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::ResourceBusy | ErrorKind::ReadOnlyFilesystem
    );
    refused && path.is_file()
}

fn rewrite(path: &Path, content: &[u8], secrecy: Secrecy) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let present = file.metadata()?;
    let mode = kept_mode(&present, secrecy);
    if present.mode() & 0o777 != mode {
        file.set_permissions(fs::Permissions::from_mode(mode))?;
    }
    file.write_all(content)?;
    file.set_len(content.len() as u64)?;
    file.sync_all()
}
