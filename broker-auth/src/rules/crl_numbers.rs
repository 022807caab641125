//! The highest CRL numbers ever seen, and the time floor, kept across restarts.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use authenticator::certificate::Fingerprint;
use authenticator::trust::CrlNumber;

use super::time_floor::TimeFloor;

/// The file in the broker's directory.
const FILE_NAME: &str = "crl-numbers.json";

/// The highest CRL number seen of each issuer, so that not even a restart lets an old list back in. Shared by the
/// listeners of a configuration.
#[derive(Debug)]
pub struct CrlNumbers {
    file: PathBuf,
    keep: bool,
    floor: TimeFloor,
    record: Mutex<Record>,
}

#[derive(Debug, Default)]
struct Record {
    seen: BTreeMap<String, Seen>,
    /// The file does not have it all: it could not be written.
    unwritten: bool,
}

/// One issuer, under the fingerprint of its name and key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    /// Its name, for the reader of the file.
    issuer: String,
    /// A text, because JSON numbers end at 53 bits.
    number: String,
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
    pub(crate) fn floor(&self) -> &TimeFloor {
        &self.floor
    }

    fn read(directory: &Path, keep: bool) -> Result<Self, CrlNumbersError> {
        let (floor, damage) = if keep { TimeFloor::open(directory) } else { TimeFloor::read_only(directory) };
        if let Some(error) = damage {
            tracing::error!("{error}; the time floor is made anew from the revocation lists in force");
        }
        let file = directory.join(FILE_NAME);
        let seen: BTreeMap<String, Seen> = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| CrlNumbersError::Damaged {
                file: file.clone(),
                detail: error.to_string(),
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(source) => return Err(CrlNumbersError::Read { file, source }),
        };
        if let Some(wrong) = seen.values().find(|seen| seen.number.parse::<CrlNumber>().is_err()) {
            let detail = format!("{:?} is no CRL number", wrong.number);
            return Err(CrlNumbersError::Damaged { file, detail });
        }
        Ok(Self { file, keep, floor, record: Mutex::new(Record { seen, unwritten: false }) })
    }

    /// The highest number seen of `issuer`.
    pub(super) fn highest(&self, issuer: &Fingerprint) -> Option<CrlNumber> {
        self.record.lock().seen.get(&issuer.to_string()).and_then(|seen| seen.number.parse().ok())
    }

    /// Remembers the numbers of lists that come into force; each is the issuer, its name, and the number.
    pub(super) fn remember<'a>(
        &self,
        lists: impl Iterator<Item = (&'a Fingerprint, &'a str, CrlNumber)>,
    ) -> Result<(), CrlNumbersError> {
        let mut record = self.record.lock();
        let Record { seen, unwritten } = &mut *record;
        for (issuer, name, number) in lists {
            let key = issuer.to_string();
            let highest = seen.get(&key).and_then(|seen| seen.number.parse::<CrlNumber>().ok());
            if highest.is_none_or(|highest| highest < number) {
                seen.insert(key, Seen { issuer: name.to_owned(), number: number.to_string() });
                *unwritten = true;
            }
        }
        if *unwritten && self.keep {
            self.write(seen).map_err(|source| CrlNumbersError::Write { file: self.file.clone(), source })?;
            *unwritten = false;
        }
        Ok(())
    }

    /// Replaces the file in one step: a crash leaves the old record or the new one.
    fn write(&self, seen: &BTreeMap<String, Seen>) -> std::io::Result<()> {
        let directory = self.file.parent().unwrap_or_else(|| Path::new("."));
        std::fs::create_dir_all(directory)?;
        let staged = self.file.with_extension("json.new");
        let mut file = std::fs::File::create(&staged)?;
        file.write_all(&serde_json::to_vec_pretty(seen)?)?;
        file.sync_all()?;
        std::fs::rename(&staged, &self.file)?;
        std::fs::File::open(directory)?.sync_all()
    }
}
