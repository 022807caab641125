//! [`CachedFile`]: the file that something is fetched into.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use authenticator::certificate::Fingerprint;
use broker_rules::store::read_file;
use rustls_pki_types::UnixTime;

/// The file that something is fetched into. It outlives the broker, whatever the server says of caching (`no-store`): a
/// broker that starts while the server is away would keep a whole fleet out.
#[derive(Debug)]
pub(super) struct CachedFile(PathBuf);

impl CachedFile {
    pub(super) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The SHA-256 of what is in it, if there is a file that can be read.
    pub(super) fn digest(&self) -> Option<Fingerprint> {
        self.is_there().then(|| read_file(&self.0).ok()).flatten().map(|bytes| Fingerprint::of(&bytes))
    }

    /// Whether there is a regular file. Links are not followed.
    fn is_there(&self) -> bool {
        fs::symlink_metadata(&self.0).is_ok_and(|metadata| metadata.is_file())
    }

    /// Notes that the server has said at `now` that this is what it has: the file's time of modification outlives the broker.
    ///
    /// # Errors
    /// It is not there, or not the broker's.
    pub(super) fn confirm(&self, now: UnixTime) -> io::Result<()> {
        if !self.is_there() {
            return Err(io::ErrorKind::NotFound.into());
        }
        File::open(&self.0)?.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(now.as_secs()))
    }

    /// Has a file that was confirmed by a clock that was ahead count as confirmed at `now`, when that is first seen: otherwise it
    /// would be new until that time has come.
    ///
    /// # Errors
    /// Its time cannot be read or set.
    pub(super) fn confirm_no_later_than(&self, now: UnixTime) -> io::Result<()> {
        let modified = fs::symlink_metadata(&self.0)?.modified()?;
        let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        if since.as_secs() > now.as_secs() { self.confirm(now) } else { Ok(()) }
    }

    /// Replaces it in one step: a crash, or a full disk, leaves the old contents or the new ones.
    ///
    /// # Errors
    /// It cannot be written, or what is there is another kind of file, which is left alone.
    pub(super) fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let folder = self.0.parent().unwrap_or_else(|| Path::new("."));
        if let Err(error) = DirBuilder::new().mode(0o700).create(folder)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(error);
        }
        refuse_other_kind(folder, fs::Metadata::is_dir, "directory")?;
        refuse_other_kind(&self.0, fs::Metadata::is_file, "regular file")?;
        let mut staged = self.0.clone().into_os_string();
        staged.push(".new");
        let staged = PathBuf::from(staged);
        match fs::remove_file(&staged) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let written = write_new(&staged, bytes).and_then(|()| fs::rename(&staged, &self.0));
        if written.is_err() {
            // What there is of it takes room on a disk that may be full.
            let _ = fs::remove_file(&staged);
        }
        written?;
        File::open(folder)?.sync_all()
    }
}

/// Links are not followed: what they lead to is not the broker's.
fn refuse_other_kind(path: &Path, is_right: fn(&fs::Metadata) -> bool, kind: &str) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if !is_right(&metadata) => {
            Err(io::Error::other(format!("{} is no {kind}, and is left alone", path.display())))
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    #[test]
    fn a_file_is_as_old_as_it_was_confirmed_and_never_of_the_future() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fetched").join("a.jwks");
        let file = CachedFile::at(&path);
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let confirmed = || fs::metadata(&path).unwrap().mtime();
        assert_eq!(file.confirm(at(1)).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(file.confirm_no_later_than(at(1)).unwrap_err().kind(), io::ErrorKind::NotFound);
        file.replace(b"one").unwrap();
        file.confirm(at(2_000_000_000)).unwrap();
        assert_eq!(confirmed(), 2_000_000_000);
        file.confirm_no_later_than(at(2_000_000_000)).unwrap();
        file.confirm_no_later_than(at(2_000_000_001)).unwrap();
        assert_eq!(confirmed(), 2_000_000_000);
        file.confirm_no_later_than(at(1_900_000_000)).unwrap();
        assert_eq!(confirmed(), 1_900_000_000);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        let other = directory.path().join("other");
        fs::rename(&path, &other).unwrap();
        symlink(&other, &path).unwrap();
        assert_eq!(file.confirm(at(5)).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(fs::metadata(&other).unwrap().mtime(), 1_900_000_000);
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("fetched");
        let path = folder.join("a.crl");
        let file = CachedFile::at(&path);
        assert_eq!(file.digest(), None);
        file.replace(b"one").unwrap();
        file.replace(b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(file.digest(), Some(Fingerprint::of(b"two")));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        // What a crash left, even a link, is replaced and not followed.
        let other = directory.path().join("other");
        fs::write(&other, "other").unwrap();
        symlink(&other, folder.join("a.crl.new")).unwrap();
        file.replace(b"three").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        fs::remove_file(&path).unwrap();
        symlink(&other, &path).unwrap();
        assert!(file.replace(b"four").unwrap_err().to_string().contains("no regular file"));
        assert_eq!(file.digest(), None);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(file.replace(b"four").unwrap_err().to_string().contains("no regular file"));
        assert_eq!(fs::read(&other).unwrap(), b"other");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left behind");
        fs::remove_dir_all(&folder).unwrap();
        symlink(directory.path(), &folder).unwrap();
        assert!(file.replace(b"four").unwrap_err().to_string().contains("no directory"));
    }
}
