//! [`FakeFileSystem`]: a file system in memory that lacks what some lack, and that stops at a chosen step.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use zeroize::Zeroizing;

use super::file_system::{FileSystem, Occupant};

/// The name as it was given, and the content, which a directory has none of.
type Entry = (PathBuf, Option<Vec<u8>>);

/// A file system in memory.
#[derive(Default)]
pub(crate) struct FakeFileSystem {
    /// Names that differ in case are one name.
    pub(crate) caseless: bool,
    /// A rename can be told not to replace.
    renames_to_free: bool,
    /// How many more changes are made before the power is cut; `None`: it is not.
    changes_left: Mutex<Option<usize>>,
    /// How many changes were made.
    changes: Mutex<usize>,
    /// By the name that lookups use.
    entries: Mutex<BTreeMap<String, Entry>>,
}

impl FakeFileSystem {
    /// An empty one.
    pub(crate) fn new(caseless: bool, renames_to_free: bool) -> Self {
        Self { caseless, renames_to_free, ..Self::default() }
    }

    fn key(&self, path: &Path) -> String {
        let key = path.to_str().unwrap();
        if self.caseless { key.to_lowercase() } else { key.to_owned() }
    }

    /// Counts a change; an error once the power is cut.
    fn change(&self) -> io::Result<()> {
        match &mut *self.changes_left.lock().unwrap() {
            Some(0) => return Err(io::Error::other("the power is cut")),
            Some(left) => *left -= 1,
            None => {}
        }
        *self.changes.lock().unwrap() += 1;
        Ok(())
    }

    /// How many changes were made.
    pub(crate) fn changes(&self) -> usize {
        *self.changes.lock().unwrap()
    }

    /// Cuts the power after so many more changes; `None`: it is there again.
    pub(crate) fn cut_after(&self, changes: Option<usize>) {
        *self.changes_left.lock().unwrap() = changes;
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.entries.lock().unwrap()
    }

    fn take(&self, path: &Path) -> io::Result<Entry> {
        self.entries().remove(&self.key(path)).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// A file that somebody else puts there.
    pub(crate) fn plant(&self, path: &Path, content: &[u8]) {
        self.entries().insert(self.key(path), (path.to_owned(), Some(content.to_vec())));
    }

    /// All files and their contents.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let entries = self.entries();
        entries.values().filter_map(|(path, content)| Some((path.clone(), content.clone()?))).collect()
    }

    /// A change of another part of the machine, which the power cut stops as well.
    pub(crate) fn elsewhere(&self) -> io::Result<()> {
        self.change()
    }
}

impl FileSystem for FakeFileSystem {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.change()?;
        self.entries().entry(self.key(path)).or_insert_with(|| (path.to_owned(), None));
        Ok(())
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let directory = self.key(directory);
        let entries = self.entries();
        if !entries.contains_key(&directory) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let within = entries.iter().filter(|(key, _)| Path::new(key).parent() == Some(Path::new(&directory)));
        Ok(within.filter_map(|(_, (path, _))| path.file_name().map(OsString::from)).collect())
    }

    fn occupant(&self, path: &Path) -> io::Result<Occupant> {
        Ok(match self.entries().get(&self.key(path)) {
            None => Occupant::Nothing,
            Some((_, None)) => Occupant::Other,
            Some((_, Some(content))) if content.is_empty() => Occupant::EmptyFile,
            Some((_, Some(content))) => Occupant::File(content.len() as u64),
        })
    }

    fn read(&self, path: &Path, _longest: u64) -> io::Result<Zeroizing<Vec<u8>>> {
        match self.entries().get(&self.key(path)) {
            Some((_, Some(content))) => Ok(Zeroizing::new(content.clone())),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn create(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.change()?;
        if self.occupant(path)? != Occupant::Nothing {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        // The name comes before the content, and the power may be cut between them.
        self.plant(path, &[]);
        if !content.is_empty() {
            self.change()?;
            self.plant(path, content);
        }
        Ok(())
    }

    fn sync(&self, _directory: &Path, _files: &[PathBuf]) -> io::Result<()> {
        self.change()
    }

    fn rename_to_free(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change()?;
        if !self.renames_to_free {
            return Err(io::ErrorKind::Unsupported.into());
        }
        if self.occupant(to)? != Occupant::Nothing {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.rename_over(from, to)
    }

    fn rename_over(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change()?;
        let (_, content) = self.take(from)?;
        self.entries().insert(self.key(to), (to.to_owned(), content));
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.change()?;
        self.take(path).map(|_| ())
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.change()?;
        if !self.names(path)?.is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        self.take(path).map(|_| ())
    }
}
