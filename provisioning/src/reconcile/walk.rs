//! [`Files`]: the files below some directories that may hold certificates or lists.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::finding::{Fault, Finding};

/// How deep directories are followed below the one that was named.
const MAX_DEPTH: usize = 8;

/// What a file is by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum KindOfName {
    /// An image. They come first in a directory: an image also says who made its key.
    Image,
    /// Certificates.
    Certificate,
    /// A list.
    List,
}

impl KindOfName {
    fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "bin" | "hex" | "uf2" => Some(Self::Image),
            "pem" | "crt" | "cer" | "der" => Some(Self::Certificate),
            "crl" => Some(Self::List),
            _ => None,
        }
    }
}

/// The files below some directories whose names are those of images, certificates or lists. One directory is in memory at
/// a time. Hidden names are passed over, among them what is staged; links to directories are not followed.
pub(super) struct Files {
    /// Directories to be read, and their depths.
    directories: Vec<(PathBuf, usize)>,
    /// What was found in the directory that was read last, the first at the end.
    found: Vec<Result<(PathBuf, KindOfName), Finding>>,
}

impl Files {
    /// The files below these directories; one that is not there has none.
    pub(super) fn below<'a>(directories: impl IntoIterator<Item = &'a PathBuf>) -> Self {
        let mut directories: Vec<_> = directories.into_iter().map(|path| (path.clone(), 0)).collect();
        directories.reverse();
        Self { directories, found: Vec::new() }
    }

    fn read(&mut self, directory: &Path, depth: usize) {
        let unreadable = |source| Finding { path: directory.to_owned(), fault: Fault::Read(source) };
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && depth == 0 => return,
            Err(error) => return self.found.push(Err(unreadable(error))),
            Ok(entries) => entries,
        };
        let (mut files, mut below) = (Vec::new(), Vec::new());
        for entry in entries {
            let (path, kind) = match entry.and_then(|entry| Ok((entry.path(), entry.file_type()?))) {
                Ok(entry) => entry,
                Err(error) => {
                    self.found.push(Err(unreadable(error)));
                    continue;
                }
            };
            let is_hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
            if is_hidden {
                continue;
            }
            if kind.is_dir() && depth >= MAX_DEPTH {
                self.found.push(Err(Finding { path, fault: Fault::Depth }));
            } else if kind.is_dir() {
                below.push((path, depth + 1));
            } else if let Some(kind) = KindOfName::of(&path) {
                files.push((kind, path));
            }
        }
        files.sort();
        below.sort();
        self.directories.extend(below.into_iter().rev());
        self.found.extend(files.into_iter().rev().map(|(kind, path)| Ok((path, kind))));
    }
}

impl Iterator for Files {
    type Item = Result<(PathBuf, KindOfName), Finding>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(found) = self.found.pop() {
                return Some(found);
            }
            let (directory, depth) = self.directories.pop()?;
            self.read(&directory, depth);
        }
    }
}
