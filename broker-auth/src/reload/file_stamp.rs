//! [`Stamp`]: tells one state of some files from another.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::rules::files_of;

/// What tells one state of some files from another, without reading them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp(Vec<(PathBuf, Option<FileStamp>)>);

#[derive(Debug, PartialEq, Eq)]
struct FileStamp {
    modified: Option<SystemTime>,
    length: u64,
    /// A rename within the resolution of the clock still brings another inode.
    inode: u64,
}

impl Stamp {
    pub(super) fn of(sources: &[impl AsRef<Path>]) -> Self {
        let files = sources.iter().flat_map(|source| {
            let source = source.as_ref();
            files_of(source).unwrap_or_else(|_| vec![source.to_owned()])
        });
        Self(files.map(|file| (FileStamp::of(&file), file)).map(|(stamp, file)| (file, stamp)).collect())
    }
}

impl FileStamp {
    fn of(file: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let metadata = std::fs::metadata(file).ok()?;
        Some(Self { modified: metadata.modified().ok(), length: metadata.len(), inode: metadata.ino() })
    }
}
