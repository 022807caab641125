//! What to do about an error of the operating system: by its cause, and by the file, the right or the file system it is
//! about.

use std::fmt::Display;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};
use rustix::io::Errno;

use super::Failure;
use super::mount::Mount;
use crate::cli::exit_code::{FAILED, REFUSED};
use crate::fleet::ReadError;

impl Failure {
    /// The operating system did not do what was to be done with `path`. `what` says so, the cause included; the help
    /// follows from the cause.
    pub(in crate::cli) fn io(exit_code: u8, what: impl ToString, path: &Path, error: &io::Error) -> Self {
        Self::new(exit_code, what, help(path, error))
    }

    /// A file was not read to its end. `what` says so, the cause included.
    pub(in crate::cli) fn not_read(
        exit_code: u8,
        what: impl ToString,
        path: &Path,
        error: &ReadError,
    ) -> Self {
        match error {
            ReadError::Io(error) => Self::io(exit_code, what, path, error),
            ReadError::TooLong { .. } | ReadError::NotAFile { .. } | ReadError::Outside => Self::new(
                exit_code,
                what,
                format!("{} is not what is read here: give another", path.display()),
            ),
        }
    }

    /// A file that cannot be read.
    pub(in crate::cli) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::io(REFUSED, format!("cannot read {}: {error}", path.display()), path, error)
    }

    /// A file that cannot be written.
    pub(in crate::cli) fn unwritable(path: &Path, error: &io::Error) -> Self {
        Self::io(FAILED, format!("cannot write {}: {error}", path.display()), path, error)
    }
}

/// What to do about `error`, which came of an attempt at `path`.
fn help(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::StorageFull => full(path),
        ErrorKind::QuotaExceeded => {
            format!(
                "the quota of {} on {} is used up: remove files there, or have it raised",
                user(),
                place(path)
            )
        }
        ErrorKind::ReadOnlyFilesystem => format!(
            "{} is mounted read-only: mount it for writing, or choose a place that can be written",
            place(path)
        ),
        ErrorKind::PermissionDenied => denied(path),
        ErrorKind::NotFound => absent(path),
        ErrorKind::IsADirectory => format!("{} is a directory: give the path of a file", path.display()),
        ErrorKind::NotADirectory => {
            match path.ancestors().skip(1).find(|part| part.exists() && !part.is_dir()) {
                Some(part) => format!("{} is no directory: correct the path", part.display()),
                None => format!("{} is no directory: give the path of one", path.display()),
            }
        }
        ErrorKind::AlreadyExists => format!("move {} away, or choose another name", path.display()),
        ErrorKind::InvalidFilename => {
            format!("choose a shorter name: {} cannot hold this one", place(path))
        }
        ErrorKind::FileTooLarge => {
            format!("raise the limit on the size of files (`ulimit -f`), or that of {}", place(path))
        }
        ErrorKind::InvalidData => format!("{} is not UTF-8 text: save it as UTF-8", path.display()),
        ErrorKind::UnexpectedEof => {
            format!(
                "{} ended early: see that nobody else writes it, and run the same command again",
                path.display()
            )
        }
        ErrorKind::StaleNetworkFileHandle | ErrorKind::TimedOut | ErrorKind::HostUnreachable => {
            format!(
                "the server of {} does not answer: see to it, then run the same command again",
                place(path)
            )
        }
        _ => by_number(path, error),
    }
}

/// Causes that have no [`ErrorKind`] of their own.
fn by_number(path: &Path, error: &io::Error) -> String {
    match Errno::from_io_error(error) {
        Some(Errno::IO) => format!(
            "the disk of {} reports a fault: copy what can still be read, and replace it (`dmesg` says more)",
            place(path)
        ),
        Some(Errno::MFILE | Errno::NFILE) => {
            "raise the limit on open files (`ulimit -n`), then run the same command again".to_owned()
        }
        Some(Errno::LOOP) => "a link in this path leads back to itself: correct it".to_owned(),
        Some(Errno::INVAL) => {
            format!("{} cannot hold this name or this kind of file: choose another", place(path))
        }
        Some(Errno::NXIO | Errno::NODEV) => {
            format!("{} is a socket or a device that is not there: give the path of a file", path.display())
        }
        Some(_) => "put right what the system names, then run the same command again".to_owned(),
        None if path.is_dir() => format!("{} is a directory: give the path of a file", path.display()),
        None => format!("{} cannot be used as it is: give another", path.display()),
    }
}

/// A full file system is out of blocks, or out of names for files.
fn full(path: &Path) -> String {
    let place = place(path);
    let existing = existing(path);
    match statvfs(existing.as_path()) {
        Ok(state) if state.f_files > 0 && state.f_favail == 0 && state.f_bavail > 0 => format!(
            "{place} holds as many files as it can: remove some there, then run the same command again"
        ),
        _ => format!("{place} is full: make room there, then run the same command again"),
    }
}

/// Which part of a path is not there.
fn absent(path: &Path) -> String {
    for part in ancestors(path) {
        match (fs::symlink_metadata(part), fs::read_link(part)) {
            (Err(_), _) if part == path => break,
            (Err(_), _) => {
                return format!("there is no directory {}: make it, or correct the path", part.display());
            }
            (Ok(_), Ok(target)) if !part.exists() => {
                return format!("{} is a link to {}, which does not exist", part.display(), target.display());
            }
            _ => {}
        }
    }
    "give the path of a file that is there".to_owned()
}

/// Which right is missing, of which directory or file, and who has it.
fn denied(path: &Path) -> String {
    let refused = |part: &Path, right| {
        access(if part == Path::new("") { Path::new(".") } else { part }, right).is_err()
    };
    let directory = path.parent().filter(|directory| directory.exists());
    let closed =
        ancestors(path).into_iter().filter(|part| part.is_dir()).find(|part| refused(part, Access::EXEC_OK));
    let found = if let Some(part) = closed {
        Some(("enter", part))
    } else if path.exists() && refused(path, Access::READ_OK) {
        Some(("read", path))
    } else if path.exists() && refused(path, Access::WRITE_OK) {
        Some(("write", path))
    } else {
        directory.filter(|part| refused(part, Access::WRITE_OK)).map(|part| ("write in", part))
    };
    let Some((right, part)) = found else {
        return format!(
            "{} may do this by owner and mode, so another rule forbids it: an immutable file (`lsattr`), the options of \
             {}, or the security policy of this system",
            user(),
            place(path)
        );
    };
    let part = if part == Path::new("") { Path::new(".") } else { part };
    let owner = fs::metadata(part).map(|metadata| {
        format!(
            "it belongs to uid {}, gid {}, with mode {:o}",
            metadata.uid(),
            metadata.gid(),
            metadata.permissions().mode() & 0o7777
        )
    });
    format!(
        "{} may not {right} {}: {}; run this as its owner, or have the right given",
        user(),
        part.display(),
        owner.unwrap_or_else(|_| "it belongs to somebody else".to_owned())
    )
}

/// A path's parts from the outermost to itself.
fn ancestors(path: &Path) -> Vec<&Path> {
    let mut parts: Vec<_> = path.ancestors().filter(|part| *part != Path::new("")).collect();
    parts.reverse();
    parts
}

/// The innermost part of a path that exists.
fn existing(path: &Path) -> PathBuf {
    path.ancestors().find(|part| part.exists()).map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// Who runs this.
fn user() -> impl Display {
    format!("uid {}", rustix::process::geteuid().as_raw())
}

/// The file system of a path, by where it is mounted.
fn place(path: &Path) -> String {
    match Mount::of(path) {
        Some(Mount { point, kind }) => format!("{} ({kind})", point.display()),
        None => format!("the file system of {}", path.display()),
    }
}
