//! [`TimeFloor`]: the time that it cannot be earlier than.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use authenticator::certificate::{Fingerprint, timestamp};
use authenticator::trust::SignedCrl;
use parking_lot::Mutex;
use rustls_pki_types::UnixTime;
use serde::{Deserialize, Serialize};

use super::whole_file::{ForeignOwner, read_if_there, write_whole};

/// The file in the state directory.
const FILE_NAME: &str = "time-floor.json";

/// The newest `thisUpdate` of a revocation list that was ever in force: its CA has said that it is not earlier. A clock
/// behind that is wrong, and certificates are judged as of the floor. Kept across restarts, and shared by all listeners.
#[derive(Debug, Default)]
pub struct TimeFloor {
    /// `None`: it is not kept.
    file: Option<PathBuf>,
    /// Seconds since 1970. Apart from the record, so that nobody waits for a disk to know it.
    floor: AtomicU64,
    kept: Mutex<Kept>,
}

/// What is known, and whether the file has it.
#[derive(Debug, Default)]
struct Kept {
    record: Record,
    /// The file does not have it all: it could not be written.
    unwritten: bool,
}

/// What the file holds. Times are seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    floor: u64,
    /// The lists by which it was too high when an operator lowered it: they raise it no more.
    distrusted: Vec<DistrustedList>,
}

/// A list that was signed by a clock that was ahead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DistrustedList {
    /// The fingerprint of its CA's name and key.
    issuer: String,
    this_update: u64,
}

/// Why the floor cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum TimeFloorError {
    /// The file cannot be read, or does not hold what this program writes.
    #[error("{} cannot be read: {detail}", file.display())]
    Read {
        /// Which file.
        file: PathBuf,
        /// Why.
        detail: String,
    },
    /// The file cannot be written.
    #[error("cannot write {}: {source}", file.display())]
    Write {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The time that an operator says it is lies above the floor.
    #[error("the floor is {floor}, and is only lowered: {wanted} is no earlier")]
    NotLower {
        /// The floor (RFC 3339).
        floor: Box<str>,
        /// What was asked for.
        wanted: Box<str>,
    },
}

impl TimeFloor {
    /// The floor kept in `directory`. One that cannot be read is made anew from the lists in force; the error says why.
    pub(super) fn open(directory: &Path) -> (Self, Option<TimeFloorError>) {
        let (record, error) = Self::read(&directory.join(FILE_NAME));
        (Self::new(Some(directory.join(FILE_NAME)), record), error)
    }

    /// The same, left as it is: for commands that only look.
    pub(super) fn read_only(directory: &Path) -> (Self, Option<TimeFloorError>) {
        let (record, error) = Self::read(&directory.join(FILE_NAME));
        (Self::new(None, record), error)
    }

    fn new(file: Option<PathBuf>, record: Record) -> Self {
        let floor = AtomicU64::new(record.floor);
        Self { file, floor, kept: Mutex::new(Kept { record, unwritten: false }) }
    }

    fn read(file: &Path) -> (Record, Option<TimeFloorError>) {
        let read = || -> Result<Record, String> {
            match read_if_there(file).map_err(|error| error.to_string())? {
                Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
                None => Ok(Record::default()),
            }
        };
        match read() {
            Ok(record) => (record, None),
            Err(detail) => (Record::default(), Some(TimeFloorError::Read { file: file.to_owned(), detail })),
        }
    }

    /// The floor.
    pub fn get(&self) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(self.floor.load(Ordering::Relaxed)))
    }

    /// Raises it to the newest of `lists`, which are in force.
    ///
    /// # Errors
    /// It was raised, now or earlier, and cannot be kept; the next call writes it again.
    pub(super) fn raise<'a>(&self, lists: impl Iterator<Item = &'a SignedCrl>) -> Result<(), TimeFloorError> {
        let mut kept = self.kept.lock();
        let Kept { record, unwritten } = &mut *kept;
        let newest =
            lists.filter(|list| !record.distrusts(list)).map(|list| list.this_update.as_secs()).max();
        if let Some(newest) = newest.filter(|newest| *newest > record.floor) {
            record.floor = newest;
            self.floor.store(newest, Ordering::Relaxed);
            *unwritten = true;
        }
        if *unwritten {
            self.write(record)?;
            *unwritten = false;
        }
        Ok(())
    }

    /// Lowers it to `now`, which an operator vouches for; `lists` are in force. Returns what it was.
    ///
    /// # Errors
    /// It is no higher, or cannot be kept; nothing has changed then.
    pub(super) fn lower<'a>(
        &self,
        now: UnixTime,
        lists: impl Iterator<Item = &'a SignedCrl>,
    ) -> Result<UnixTime, TimeFloorError> {
        let mut kept = self.kept.lock();
        let before = UnixTime::since_unix_epoch(Duration::from_secs(kept.record.floor));
        if now >= before {
            let (floor, wanted) = (timestamp(before).into(), timestamp(now).into());
            return Err(TimeFloorError::NotLower { floor, wanted });
        }
        let mut lowered = Record { floor: now.as_secs(), distrusted: Vec::new() };
        for list in lists.filter(|list| list.this_update > now) {
            let entry = DistrustedList::of(list);
            if !lowered.distrusted.contains(&entry) {
                lowered.distrusted.push(entry);
            }
        }
        self.write(&lowered)?;
        self.floor.store(lowered.floor, Ordering::Relaxed);
        *kept = Kept { record: lowered, unwritten: false };
        Ok(before)
    }

    /// Replaces the file in one step: a crash leaves the old record or the new one.
    fn write(&self, record: &Record) -> Result<(), TimeFloorError> {
        let Some(file) = &self.file else { return Ok(()) };
        serde_json::to_vec_pretty(record)
            .map_err(std::io::Error::from)
            .and_then(|bytes| write_whole(file, &bytes, ForeignOwner::Replaced))
            .map_err(|source| TimeFloorError::Write { file: file.clone(), source })
    }
}

impl Record {
    fn distrusts(&self, list: &SignedCrl) -> bool {
        !self.distrusted.is_empty() && self.distrusted.contains(&DistrustedList::of(list))
    }
}

impl DistrustedList {
    fn of(list: &SignedCrl) -> Self {
        let issuer: Fingerprint = list.issuer;
        Self { issuer: issuer.to_string(), this_update: list.this_update.as_secs() }
    }
}

impl fmt::Display for TimeFloor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&timestamp(self.get()))
    }
}
