//! [`Contents`]: the small files of a fleet, all as they were at one time.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use zeroize::Zeroizing;

use super::member::MemberName;
use crate::fleet::{Fleet, ReadError, read_regular};

/// How often the files are read again that another command is writing.
const ATTEMPTS: usize = 40;

/// How long such a command is waited for.
const WAIT: Duration = Duration::from_millis(50);

/// The directories that are read file by file, because they may hold a million.
const IMAGES: &str = "images";

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path}: {source}", path = .path.display())]
pub(crate) struct Unreadable {
    /// The file.
    pub(crate) path: PathBuf,
    /// What the operating system said.
    pub(crate) source: io::Error,
}

/// The small files of a fleet, all as they were at one time.
pub(crate) struct Contents(Vec<(MemberName, Zeroizing<Vec<u8>>)>);

/// By what a file is known to be the same as before.
type Stamp = (MemberName, u64, u64, i64, i64);

impl Contents {
    /// Reads the files of a fleet, again if one of them was replaced meanwhile or a delivery is under way, so that a
    /// certificate and its key belong together.
    pub(super) fn read(fleet: &Fleet) -> Result<Self, Unreadable> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let before = stamps(fleet)?;
            let mut contents = Vec::new();
            for (name, ..) in &before {
                if let Some(content) = read(&name.within(fleet.root()), name.longest())? {
                    contents.push((name.clone(), content));
                }
            }
            let is_settled = before == stamps(fleet)? && !is_delivering(fleet);
            // What an interrupted command left staged would be waited for without end.
            if is_settled || attempt == ATTEMPTS {
                return Ok(Self(contents));
            }
            sleep(WAIT);
        }
    }

    /// The files.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&MemberName, &[u8])> {
        self.0.iter().map(|(name, content)| (name, content.as_slice()))
    }
}

/// The names of the images of a fleet.
pub(super) fn images(fleet: &Fleet) -> Result<Vec<MemberName>, Unreadable> {
    names(fleet, IMAGES)
}

/// Reads a file of at most `longest` bytes; `None` if it is not there any more.
pub(super) fn read(path: &Path, longest: u64) -> Result<Option<Zeroizing<Vec<u8>>>, Unreadable> {
    match read_regular(path, usize::try_from(longest).unwrap_or(usize::MAX)) {
        Ok(content) => Ok(Some(content)),
        Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Unreadable { path: path.to_owned(), source: error.into() }),
    }
}

fn stamps(fleet: &Fleet) -> Result<Vec<Stamp>, Unreadable> {
    let mut members: Vec<_> = MemberName::parse(MemberName::BROKER_CONFIG).into_iter().collect();
    for (directory, _) in MemberName::directories() {
        if directory != IMAGES {
            members.extend(names(fleet, directory)?);
        }
    }
    let mut stamps = Vec::new();
    for name in members {
        let path = name.within(fleet.root());
        match fs::metadata(&path) {
            Ok(found) if found.is_file() => {
                stamps.push((name, found.ino(), found.len(), found.mtime(), found.mtime_nsec()));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(Unreadable { path, source }),
        }
    }
    Ok(stamps)
}

/// The members in a directory of a fleet, sorted. What is hidden or no regular file is none.
fn names(fleet: &Fleet, directory: &str) -> Result<Vec<MemberName>, Unreadable> {
    let path = fleet.root().join(directory);
    let unreadable = |source| Unreadable { path: path.clone(), source };
    let entries = match fs::read_dir(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(unreadable)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        let name =
            entry.file_name().to_str().and_then(|name| MemberName::parse(&format!("{directory}/{name}")));
        names.extend(name.filter(|name| name.within(fleet.root()).is_file()));
    }
    names.sort();
    Ok(names)
}

/// Whether a command is delivering a certificate and its key.
fn is_delivering(fleet: &Fleet) -> bool {
    [fleet.services(), fleet.broker()].iter().any(|directory| directory.join(".staging").exists())
}
