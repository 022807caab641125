//! The newest revocation lists ever seen, by number and by issue, and the time floor, kept across restarts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use authenticator::certificate::{Fingerprint, timestamp};
use authenticator::trust::{CrlNumber, NewestCrl, SignedCrl};
use rustls_pki_types::UnixTime;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::kept_lists::KeptLists;
use super::time_floor::TimeFloor;
use super::whole_file::{ForeignOwner, read_if_there, write_whole};

/// The file in the broker's directory.
const FILE_NAME: &str = "crl-numbers.json";

/// The highest CRL number and the latest thisUpdate seen of each issuer, so that not even a restart lets an old list back in. Shared by the
/// listeners of a configuration.
#[derive(Debug)]
pub struct CrlNumbers {
    file: PathBuf,
    keep: bool,
    floor: TimeFloor,
    record: Mutex<Record>,
    lists: KeptLists,
}

#[derive(Debug, Default)]
struct Record {
    /// Under the fingerprint of the issuer's name and key.
    seen: BTreeMap<String, Seen>,
    /// The file does not have it all: it could not be written.
    unwritten: bool,
}

/// What was seen of one issuer.
#[derive(Clone, Debug)]
struct Seen {
    /// Its name, for the reader of the file.
    issuer: String,
    newest: NewestCrl,
}

/// The same in the file, where a list that has no number leaves none, and an earlier version left no `this_update`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    issuer: String,
    /// A text, because JSON numbers end at 53 bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    this_update: Option<String>,
}

impl Written {
    fn of(seen: &Seen) -> Self {
        Self {
            issuer: seen.issuer.clone(),
            number: seen.newest.number.map(|number| number.to_string()),
            this_update: seen.newest.this_update.map(timestamp),
        }
    }

    /// What it says, or what is wrong with it.
    fn parse(self) -> Result<Seen, String> {
        let number = self
            .number
            .map(|number| number.parse::<CrlNumber>().map_err(|_| format!("{number:?} is no CRL number")));
        let this_update = self.this_update.map(|text| {
            OffsetDateTime::parse(&text, &Rfc3339)
                .ok()
                .and_then(|time| u64::try_from(time.unix_timestamp()).ok())
                .map(|seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
                .ok_or_else(|| format!("{text:?} is no time"))
        });
        let newest = NewestCrl { number: number.transpose()?, this_update: this_update.transpose()? };
        Ok(Seen { issuer: self.issuer, newest })
    }
}

/// Why the record cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum CrlNumbersError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It does not hold what this program writes.
    #[error("{} is damaged: {detail}", file.display())]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// How.
        detail: String,
    },
    /// It cannot be written.
    #[error("cannot write {}: {source}", file.display())]
    Write {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl CrlNumbers {
    /// The record in `directory`, to be read and kept.
    pub fn open(directory: &Path) -> Result<Self, CrlNumbersError> {
        Self::read(directory, true)
    }

    /// The record in `directory`, to be read and left as it is: for commands that only look.
    pub fn read_only(directory: &Path) -> Result<Self, CrlNumbersError> {
        Self::read(directory, false)
    }

    /// The time that it cannot be earlier than.
    pub(super) fn floor(&self) -> &TimeFloor {
        &self.floor
    }

    fn read(directory: &Path, keep: bool) -> Result<Self, CrlNumbersError> {
        let (floor, damage) = if keep { TimeFloor::open(directory) } else { TimeFloor::read_only(directory) };
        if let Some(error) = damage {
            tracing::error!("{error}; the time floor is made anew from the revocation lists in force");
        }
        let file = directory.join(FILE_NAME);
        let damaged = |detail: String| CrlNumbersError::Damaged { file: file.clone(), detail };
        let bytes = read_if_there(&file)
            .map_err(|source| CrlNumbersError::Read { file: file.clone(), source })?
            .unwrap_or_else(|| b"{}".to_vec());
        let written: BTreeMap<String, Written> =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        let seen = written.into_iter().map(|(key, written)| Ok((key, written.parse()?)));
        let seen = seen.collect::<Result<_, String>>().map_err(damaged)?;
        let lists = KeptLists::open(directory, keep);
        Ok(Self { file, keep, floor, record: Mutex::new(Record { seen, unwritten: false }), lists })
    }

    /// Copies of the lists themselves.
    pub(super) fn lists(&self) -> &KeptLists {
        &self.lists
    }

    /// The newest that was seen of `issuer`.
    pub(super) fn newest(&self, issuer: &Fingerprint) -> NewestCrl {
        self.record.lock().seen.get(&issuer.to_string()).map(|seen| seen.newest).unwrap_or_default()
    }

    /// The latest thisUpdate of any list that was ever in force: it is later than that, whatever a clock says. It never
    /// goes back.
    pub fn newest_this_update(&self) -> Option<UnixTime> {
        self.record.lock().seen.values().filter_map(|seen| seen.newest.this_update).max()
    }

    /// Remembers lists that come into force.
    pub(super) fn remember<'a>(
        &self,
        lists: impl Iterator<Item = &'a SignedCrl>,
    ) -> Result<(), CrlNumbersError> {
        let mut record = self.record.lock();
        let Record { seen, unwritten } = &mut *record;
        for list in lists {
            let Seen { newest, .. } = seen
                .entry(list.issuer.to_string())
                .or_insert_with(|| Seen { issuer: list.issuer_name.clone(), newest: NewestCrl::default() });
            let raised = NewestCrl {
                number: newest.number.max(list.number),
                this_update: newest.this_update.max(Some(list.this_update)),
            };
            *unwritten |= raised != *newest;
            *newest = raised;
        }
        if *unwritten && self.keep {
            self.write(seen).map_err(|source| CrlNumbersError::Write { file: self.file.clone(), source })?;
            *unwritten = false;
        }
        Ok(())
    }

    /// Replaces the file in one step: a crash leaves the old record or the new one.
    fn write(&self, seen: &BTreeMap<String, Seen>) -> std::io::Result<()> {
        let written: BTreeMap<_, _> = seen.iter().map(|(key, seen)| (key, Written::of(seen))).collect();
        write_whole(&self.file, &serde_json::to_vec_pretty(&written)?, ForeignOwner::Replaced)
    }
}
