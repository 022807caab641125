//! What the registry knows of the time: the newest that was seen, and the newest that made sense.

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

use super::{Registry, RegistryError};
use crate::timestamp::{DAY, EARLIEST, LEAP, Timestamp};

/// The newest time that any act was done at.
const NEWEST: &str = "newest";

/// The newest time of an act that was no leap ahead, or that an operator agreed to.
const LAST_ACT: &str = "last_act";

/// The times that the registry has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeenTimes {
    /// The newest time that any act was done at.
    pub(crate) newest: Timestamp,
    /// The newest time of an act that was no leap ahead, or that an operator agreed to.
    pub(crate) last_act: Timestamp,
}

impl Registry {
    /// The times that the registry has seen.
    pub(crate) fn seen_times(&self) -> Result<SeenTimes, RegistryError> {
        Ok(SeenTimes { newest: read(&self.connection, NEWEST)?, last_act: read(&self.connection, LAST_ACT)? })
    }

    /// Records an act at a time that makes sense.
    pub(crate) fn agree_to_time(&self, now: Timestamp) -> Result<(), RegistryError> {
        note_seen(&self.connection, now)?;
        Ok(raise(&self.connection, LAST_ACT, now)?)
    }
}

impl Registry {
    /// Sets what was seen straight: it is `now`, an operator says, while the machine's clock says `clock`. Lists that were
    /// signed later than that prove the end of nothing; gives how many. Nothing forgets that they exist.
    pub(crate) fn accept_time(&mut self, now: Timestamp, clock: Timestamp) -> Result<usize, RegistryError> {
        let before = self.seen_times()?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute(
            "INSERT INTO clock_acceptance (accepted, clock, newest, last_act) VALUES (?1, ?2, ?3, ?4)",
            (now.signed(), clock.signed(), before.newest.signed(), before.last_act.signed()),
        )?;
        // Whoever reads the time from a watch is some seconds off: that must not leave the clock behind.
        let seen = if clock.after(DAY) > now { now.min(clock) } else { now };
        transaction.execute("UPDATE witness SET at = ?1", [seen.signed()])?;
        let distrusted = transaction.execute(
            "UPDATE crl_signing SET trusted = 0 WHERE trusted = 1 AND this_update > ?1",
            [now.max(clock).signed().min(now.after(DAY).signed())],
        )?;
        transaction.commit()?;
        Ok(distrusted)
    }
}

/// Whether a clock that says `now` is behind nothing that was seen.
pub(super) fn agrees(connection: &Connection, now: Timestamp) -> rusqlite::Result<bool> {
    Ok(now >= EARLIEST && now >= read(connection, NEWEST)?)
}

/// The time to write into a list. A clock from before this program was made is wrong for certain; then it is later than
/// the last act at least.
pub(super) fn plausible(connection: &Connection, now: Timestamp) -> rusqlite::Result<Timestamp> {
    if now >= EARLIEST { Ok(now) } else { Ok(read(connection, LAST_ACT)?.max(EARLIEST)) }
}

/// Records that something was done at `now`, by this machine's clock. A leap ahead is no time to compare the next with:
/// otherwise a daily `crl` would hide it from the next certificate.
pub(super) fn note_act(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    note_seen(connection, now)?;
    if now <= read(connection, LAST_ACT)?.after(LEAP) {
        raise(connection, LAST_ACT, now)?;
    }
    Ok(())
}

/// Records that a time was seen.
pub(super) fn note_seen(connection: &Connection, time: Timestamp) -> rusqlite::Result<()> {
    raise(connection, NEWEST, time)
}

fn raise(connection: &Connection, name: &str, time: Timestamp) -> rusqlite::Result<()> {
    let statement = "INSERT INTO witness (name, at) VALUES (?1, ?2) \
                     ON CONFLICT (name) DO UPDATE SET at = max(at, excluded.at)";
    connection.prepare_cached(statement)?.execute((name, time.signed()))?;
    Ok(())
}

fn read(connection: &Connection, name: &str) -> rusqlite::Result<Timestamp> {
    let mut statement = connection.prepare_cached("SELECT at FROM witness WHERE name = ?1")?;
    let at: Option<i64> = statement.query_row([name], |row| row.get(0)).optional()?;
    Ok(Timestamp::from_signed(at.unwrap_or(0)))
}
