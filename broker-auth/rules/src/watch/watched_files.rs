//! [`WatchedFiles`]: when files are to be read again.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::file_stamp::{Contents, Stamp};

/// How often the files are looked at. Looking costs a few microseconds a file, works on every file system, and sees a
/// rename as well as a rewrite; a tenth of the second in which a revoked device must be gone.
pub const WATCH_INTERVAL: Duration = Duration::from_millis(100);

/// When a file is tried again that was refused for what may pass by itself: no descriptor was free, the disk was full, the
/// clock was wrong. The file is not written again then, and the devices that it revokes must not stay in.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// How often files are read again that have just changed, and small ones compared by content: what no time of a file tells
/// is seen within a second.
const COMPARE_INTERVAL: Duration = Duration::from_millis(500);

/// What is known of the files behind something.
///
/// At first nothing has been seen, so that everything is read again: a file may have changed since it was loaded.
#[derive(Debug, Default)]
pub struct WatchedFiles {
    stamp: Stamp,
    contents: Contents,
    compare_at: Option<Instant>,
    /// They had only just changed when they were last compared.
    racy: bool,
    retry_at: Option<Instant>,
    /// Why some were refused since they last changed. The same is not logged at every try.
    refused: Vec<String>,
}

impl WatchedFiles {
    /// Whether they are to be read: they have changed, may have changed unseen, or are to be tried again.
    pub fn are_due(&mut self, sources: &[impl AsRef<Path>]) -> bool {
        // Taken before the files are read: what changes while they are read is seen at the next tick.
        self.are_due_as(Stamp::of(sources), SystemTime::now(), Instant::now())
    }

    /// The same for files that were found like this at the time `told` of the machine's clock.
    fn are_due_as(&mut self, found: Stamp, told: SystemTime, now: Instant) -> bool {
        let mut changed = found != self.stamp;
        let mut may_have_changed = false;
        if changed || self.compare_at.is_none_or(|at| at <= now) {
            // The files were racy when they were last looked at: then what was read may be from before a change.
            may_have_changed = self.racy;
            self.racy = found.is_racy(told);
            changed |= self.contents.differ(&found);
            self.compare_at = Some(now + COMPARE_INTERVAL);
        }
        if changed {
            (self.stamp, self.refused) = (found, Vec::new());
        }
        changed || may_have_changed || self.retry_at.is_some_and(|at| at <= now)
    }

    /// They were read, and some were `refused`; `may_pass`: perhaps for now only. Returns why, as far as that is news.
    pub fn read(&mut self, refused: Vec<String>, may_pass: bool) -> Vec<String> {
        let news = refused.iter().filter(|why| !self.refused.contains(why)).cloned().collect();
        self.refused = refused;
        self.retry_at = may_pass.then(|| Instant::now() + RETRY_INTERVAL);
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file whose times never tell that it changed: what a stamp of before stands for.
    #[test]
    fn a_change_that_no_time_tells_is_seen_within_a_second() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.crl");
        let write = |length: usize, octet: u8| std::fs::write(&file, vec![octet; length]).unwrap();
        // Small files are compared whenever they changed; large ones are read again while they have just changed.
        for (length, age, seen) in [
            (400, Duration::ZERO, true),
            (400, Duration::from_secs(3600), true),
            (2_000_000, Duration::ZERO, true),
            (2_000_000, Duration::from_secs(3600), false),
        ] {
            write(length, 1);
            let stamp = Stamp::of(&[&file]);
            let (told, begin) = (SystemTime::now() + age, Instant::now());
            let mut files = WatchedFiles::default();
            assert!(files.are_due_as(stamp.clone(), told, begin), "nothing was known");
            write(length, 2);
            assert!(!files.are_due_as(stamp.clone(), told, begin + Duration::from_millis(100)));
            let due = (2..=10)
                .filter(|tick| files.are_due_as(stamp.clone(), told, begin + *tick * WATCH_INTERVAL))
                .count();
            assert_eq!(due > 0, seen, "{length} bytes, {age:?} after the change");
            // Later, nothing is read again.
            let later = told + Duration::from_secs(10);
            let mut due_at =
                |seconds| files.are_due_as(stamp.clone(), later, begin + Duration::from_secs(seconds));
            due_at(11);
            assert!(!due_at(12) && !due_at(13), "{length} bytes, {age:?} after the change");
        }
    }
}
