//! [`Stamp`] and [`Contents`]: tell one state of some files from another.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use authenticator::certificate::Fingerprint;

use crate::store::files_of;

/// How long after a change a file may change once more and look the same: FAT counts in steps of two seconds, and no
/// file system in smaller ones than the ticks of the kernel. git judges its index by the same rule.
const RACE: Duration = Duration::from_secs(2);

/// Larger files are not compared by content.
const SMALL_FILE: u64 = 1024 * 1024;

/// How much is compared by content at once: what more there is has its turn later. Some milliseconds' work.
const COMPARED_AT_ONCE: u64 = 2 * SMALL_FILE;

/// What tells one state of some files from another, without reading them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp(Vec<(PathBuf, Option<FileStamp>)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileStamp {
    modified: Option<SystemTime>,
    /// When anything about it changed, in seconds and nanoseconds since 1970. Unlike the time of modification it cannot be
    /// set by programs.
    changed: (i64, i64),
    length: u64,
    /// A rename within the resolution of the clock still brings another inode.
    inode: u64,
    /// An inode is one of its file system: another may be mounted in its place.
    device: u64,
}

impl Stamp {
    pub(super) fn of(sources: &[impl AsRef<Path>]) -> Self {
        let files = sources.iter().flat_map(|source| {
            let source = source.as_ref();
            files_of(source).unwrap_or_else(|_| vec![source.to_owned()])
        });
        Self(files.map(|file| (FileStamp::of(&file), file)).map(|(stamp, file)| (file, stamp)).collect())
    }

    /// Whether a file changed so shortly before or after `now` that it may have changed again since, and look the same.
    pub(super) fn is_racy(&self, now: SystemTime) -> bool {
        self.0.iter().any(|(_, stamp)| stamp.is_some_and(|stamp| stamp.is_racy(now)))
    }
}

impl FileStamp {
    fn of(file: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let metadata = std::fs::metadata(file).ok()?;
        Some(Self {
            modified: metadata.modified().ok(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            length: metadata.len(),
            inode: metadata.ino(),
            device: metadata.dev(),
        })
    }

    fn is_racy(&self, now: SystemTime) -> bool {
        let (seconds, nanoseconds) = self.changed;
        let changed = u64::try_from(seconds).ok().zip(u32::try_from(nanoseconds).ok()).and_then(
            |(seconds, nanoseconds)| SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds)),
        );
        // A file of the future is none of now: the clock was set back, and a change today would look different.
        [changed, self.modified].into_iter().flatten().any(|time| {
            let apart = now.duration_since(time).unwrap_or_else(|error| error.duration());
            apart <= RACE
        })
    }
}

/// The contents of small files, for file systems that do not tell all changes: FAT and many network shares have no time of
/// change, or one that programs can set.
#[derive(Debug, Default)]
pub(super) struct Contents {
    known: Vec<(PathBuf, Fingerprint)>,
    /// How many files were compared in this turn.
    compared: usize,
}

impl Contents {
    /// Compares files of `stamp` with what was found in them before, as many as have their turn; returns whether one has
    /// other contents than when it was last compared.
    pub(super) fn differ(&mut self, stamp: &Stamp) -> bool {
        self.known.retain(|(file, _)| stamp.0.iter().any(|(there, _)| there == file));
        if self.compared >= stamp.0.len() {
            self.compared = 0;
        }
        let mut left = COMPARED_AT_ONCE;
        let mut differ = false;
        for (file, found) in stamp.0.iter().skip(self.compared) {
            let length = found.map_or(0, |found| found.length);
            if length <= SMALL_FILE {
                let Some(rest) = left.checked_sub(length) else { break };
                left = rest;
                if let Some(contents) = read_small(file) {
                    differ |= self.replace(file, contents);
                }
            }
            self.compared += 1;
        }
        differ
    }

    /// Whether `file` was known with other contents.
    fn replace(&mut self, file: &Path, contents: Fingerprint) -> bool {
        match self.known.iter_mut().find(|(known, _)| known == file) {
            Some((_, known)) => std::mem::replace(known, contents) != contents,
            None => {
                self.known.push((file.to_owned(), contents));
                false
            }
        }
    }
}

/// The digest of a regular file that is small.
fn read_small(file: &Path) -> Option<Fingerprint> {
    // Opening a pipe would wait for its writer.
    if !std::fs::metadata(file).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    std::fs::File::open(file).ok()?.take(SMALL_FILE + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= SMALL_FILE).then(|| Fingerprint::of(&bytes))
}

#[cfg(test)]
mod tests {
    use std::fs::{File, FileTimes};

    use super::*;

    fn write(file: &Path, contents: &[u8]) {
        std::fs::write(file, contents).unwrap();
    }

    /// Rewrites a file in place, and gives it back its time of modification.
    fn rewrite_unseen(file: &Path, contents: &[u8]) {
        let modified = std::fs::metadata(file).unwrap().modified().unwrap();
        write(file, contents);
        let open = File::options().write(true).open(file).unwrap();
        open.set_times(FileTimes::new().set_modified(modified)).unwrap();
    }

    #[test]
    fn a_file_whose_time_of_modification_was_restored_looks_different() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.crl");
        write(&file, b"one");
        let before = Stamp::of(&[&file]);
        // Longer than the steps in which the kernel tells the time.
        std::thread::sleep(Duration::from_millis(50));
        rewrite_unseen(&file, b"two");
        let after = Stamp::of(&[&file]);
        assert_eq!(before.0[0].1.unwrap().modified, after.0[0].1.unwrap().modified);
        assert_ne!(before, after);
    }

    #[test]
    fn a_file_is_racy_until_two_seconds_after_it_changed_and_while_its_times_say_so() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.crl");
        write(&file, b"one");
        let stamp = Stamp::of(&[&file]);
        let now = SystemTime::now();
        for (offset, racy) in [(0, true), (1, true), (4, false), (86_400, false)] {
            assert_eq!(stamp.is_racy(now + Duration::from_secs(offset)), racy, "{offset} s later");
            assert_eq!(stamp.is_racy(now - Duration::from_secs(offset)), racy, "{offset} s earlier");
        }
        // An old time of modification does not hide that it has just been written.
        let open = File::options().write(true).open(&file).unwrap();
        open.set_times(FileTimes::new().set_modified(SystemTime::UNIX_EPOCH)).unwrap();
        assert!(Stamp::of(&[&file]).is_racy(SystemTime::now()));
        assert!(!Stamp::of(&[directory.path().join("none")]).is_racy(SystemTime::now()));
    }

    #[test]
    fn contents_differ_where_no_time_tells() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| directory.path().join(name);
        let large = vec![0; SMALL_FILE as usize + 1];
        for (name, contents) in [("a", &b"one"[..]), ("empty", b""), ("large", &large)] {
            write(&file(name), contents);
        }
        let sources = [directory.path()];
        let stamp = Stamp::of(&sources);
        let mut contents = Contents::default();
        assert!(!contents.differ(&stamp), "nothing was known");
        assert!(!contents.differ(&stamp));
        for (name, new) in [("a", &b"two"[..]), ("empty", b"x"), ("a", b"")] {
            write(&file(name), new);
            // The stamp is that of before: a file system that tells nothing.
            assert!(contents.differ(&stamp), "{name}");
            assert!(!contents.differ(&stamp), "{name}");
        }
        std::fs::remove_file(file("a")).unwrap();
        assert!(!contents.differ(&stamp), "that a file is gone is told by the stamp");
    }

    #[test]
    fn many_files_are_compared_by_turns() {
        let directory = tempfile::tempdir().unwrap();
        let file = |number: usize| directory.path().join(format!("{number}.crl"));
        let shard = vec![1; SMALL_FILE as usize / 2];
        (0..10).for_each(|number| write(&file(number), &shard));
        let stamp = Stamp::of(&[directory.path()]);
        let mut contents = Contents::default();
        (0..3).for_each(|_| assert!(!contents.differ(&stamp)));
        write(&file(9), &vec![2; shard.len()]);
        let turns = (0..6).filter(|_| contents.differ(&stamp)).count();
        assert_eq!(turns, 1, "seen once, within six turns");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        assert!(!Contents::default().differ(&Stamp::of(&[&pipe])));
    }
}
