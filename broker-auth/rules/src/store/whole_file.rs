//! Files that are there whole, or not at all.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use super::files::read_file;

/// What is done about a file of another user where the system lets only root keep its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignOwner {
    /// This process is the reader: the file becomes its own, for itself alone.
    Replaced,
    /// Another program is the reader, which could not read it any more: nothing is written.
    Refused,
}

/// Replaces `file` in one step: a crash leaves the old contents or the new ones. What is replaced keeps its owner, group and
/// mode; a new file is for its owner alone, who is that of the directory if this process is root. A link stays, and what it
/// leads to is replaced. The directory is made if there is none.
///
/// # Errors
/// The system does not let it, or what is there is no regular file. What was there is there still.
pub fn write_whole(file: &Path, bytes: &[u8], foreign: ForeignOwner) -> io::Result<()> {
    let file = &replaced_file(file)?;
    let directory = directory_of(file);
    fs::create_dir_all(directory)?;
    let before = match fs::metadata(file) {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let staged = staged_for(file);
    // An earlier process was stopped before it renamed it.
    match fs::remove_file(&staged) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = fs::metadata(directory)
        .and_then(|directory| write_staged(&staged, bytes, before.as_ref(), &directory, foreign))
        .and_then(|()| fs::rename(&staged, file))
        .and_then(|()| File::open(directory)?.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(&staged);
    }
    written
}

fn write_staged(
    staged: &Path,
    bytes: &[u8],
    before: Option<&Metadata>,
    directory: &Metadata,
    foreign: ForeignOwner,
) -> io::Result<()> {
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(staged)?;
    let owner = before.unwrap_or(directory);
    match fchown(&new, Some(owner.uid()), Some(owner.gid())) {
        Ok(()) => {
            if let Some(before) = before {
                new.set_permissions(Permissions::from_mode(before.mode() & 0o777))?;
            }
        }
        // Only root gives files away, and what is new belongs to whoever makes it.
        Err(_) if before.is_none() || foreign == ForeignOwner::Replaced => {}
        Err(error) => return Err(error),
    }
    new.write_all(bytes)?;
    new.sync_all()
}

/// What [`write_whole`] replaces where `file` is named: a link is followed, and a file need not be there yet.
///
/// # Errors
/// What is there is no regular file, which would be waited for, or a link to nothing; or it cannot be looked at.
pub fn replaced_file(file: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(file) {
        Ok(found) if found.is_file() => Ok(found),
        Ok(_) => Err(io::Error::other("it is no regular file")),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Err(_) if file.is_symlink() => Err(io::Error::other("it is a link to what is not there")),
        Err(_) => Ok(file.to_owned()),
    }
}

/// The directory that `file` is in.
pub fn directory_of(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

fn staged_for(file: &Path) -> PathBuf {
    let mut name = OsString::from(file.as_os_str());
    name.push(".new");
    PathBuf::from(name)
}

/// What is in `file`, or `None` if there is none.
///
/// # Errors
/// It is there and cannot be read, or is larger than any file of a broker.
pub(crate) fn read_if_there(file: &Path) -> io::Result<Option<Vec<u8>>> {
    match read_file(file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(file: &Path) -> u32 {
        fs::metadata(file).unwrap().mode() & 0o777
    }

    #[test]
    fn a_new_file_is_for_its_owner_alone_who_is_the_directorys() {
        let directory = tempfile::tempdir().unwrap();
        let owner = if uzers::get_current_uid() == 0 {
            std::os::unix::fs::chown(directory.path(), Some(4321), Some(4322)).unwrap();
            (4321, 4322)
        } else {
            (uzers::get_current_uid(), uzers::get_current_gid())
        };
        let file = directory.path().join("state.json");
        write_whole(&file, b"{}", ForeignOwner::Refused).unwrap();
        let metadata = fs::metadata(&file).unwrap();
        assert_eq!((metadata.uid(), metadata.gid(), mode(&file)), (owner.0, owner.1, 0o600));
    }

    #[test]
    fn what_is_replaced_keeps_owner_group_mode_and_link() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("real.json"), directory.path().join("state.json"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        let is_root = uzers::get_current_uid() == 0;
        if is_root {
            std::os::unix::fs::chown(&file, Some(4321), Some(4322)).unwrap();
        }
        let before = fs::metadata(&file).unwrap();
        write_whole(&link, b"new", ForeignOwner::Refused).unwrap();
        let after = fs::metadata(&file).unwrap();
        assert_eq!((after.uid(), after.gid(), mode(&file)), (before.uid(), before.gid(), 0o640));
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert!(link.is_symlink());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing staged is left");
    }

    #[test]
    fn what_an_earlier_process_left_is_replaced_and_read_by_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let (file, left) = (directory.path().join("state.json"), directory.path().join("state.json.new"));
        fs::write(&left, "half").unwrap();
        fs::set_permissions(&left, Permissions::from_mode(0o666)).unwrap();
        write_whole(&file, b"whole", ForeignOwner::Replaced).unwrap();
        assert_eq!((fs::read(&file).unwrap(), mode(&file)), (b"whole".to_vec(), 0o600));
        assert!(!left.exists());
    }

    #[test]
    fn what_is_no_regular_file_stays() {
        let directory = tempfile::tempdir().unwrap();
        let dangling = directory.path().join("dangling");
        symlink("nothing", &dangling).unwrap();
        for place in [directory.path(), &dangling, Path::new("/dev/null")] {
            write_whole(place, b"x", ForeignOwner::Replaced).unwrap_err();
        }
        assert!(dangling.is_symlink() && !directory.path().join("nothing").exists());
    }
}
