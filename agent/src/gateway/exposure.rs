//! Who may read the image besides its owner.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// An image that others can read or write, with the device's private key in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    path: PathBuf,
    mode: u32,
    owner: u32,
    group: u32,
}

impl Exposure {
    /// `None` if the permissions of `file` are as they should be. A group may read it where the agent needs that: the file
    /// is another user's.
    pub(super) fn of(path: &Path, file: &File) -> io::Result<Option<Self>> {
        let metadata = file.metadata()?;
        // A pipe is nobody's to open.
        if metadata.file_type().is_fifo() || metadata.file_type().is_socket() {
            return Ok(None);
        }
        let (mode, owner, group) = (metadata.mode() & 0o7777, metadata.uid(), metadata.gid());
        // The effective user of a process is the owner of this.
        let is_ours = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == owner);
        let too_much = if is_ours { 0o066 } else { 0o026 };
        Ok((mode & too_much != 0).then(|| Self { path: path.to_owned(), mode, owner, group }))
    }
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match (self.mode & 0o044 != 0, self.mode & 0o022 != 0) {
            (true, true) => "read and replace",
            (false, true) => "replace",
            _ => "read",
        };
        let Self { path, mode, owner, group } = self;
        let path = path.display();
        write!(
            f,
            "others can {verb} the image {path}, which holds the device's private key: mode {mode:04o}, owner {owner}, \
             group {group}; make it 0600 (chmod 600 {path})"
        )
    }
}
