//! The record of every CRL that was signed, by which it is known when an entry may leave the list.

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

use super::crl_state::{CrlState, column};
use super::entries::{self, RevokedEntry};
use super::{Registry, RegistryError, witness};
use crate::authority::Authority;
use crate::timestamp::{DAY, Timestamp};

impl Registry {
    /// Records that a CRL is about to be signed at `now`, by this machine's clock, and gives its number, its dates and
    /// its entries.
    ///
    /// Recorded before the CRL is published, so that no later CRL gets the same number, whatever happens in between.
    pub(crate) fn begin_signing(
        &mut self,
        authority: Authority,
        days: u32,
        now: Timestamp,
    ) -> Result<(CrlState, Vec<RevokedEntry>), RegistryError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let this_update = witness::plausible(&transaction, now)?;
        let trusted = witness::agrees(&transaction, now)?;
        let state = CrlState {
            // Higher than every number seen and, where it follows the clock, also higher than the numbers that neither a
            // restored backup of the registry nor the list beside it knows.
            number: newest_number(&transaction, authority)?.saturating_add(1).max(now.unix()),
            this_update,
            next_update: this_update.after(u64::from(days) * DAY),
        };
        insert(&transaction, authority, state, trusted, false)?;
        witness::note_act(&transaction, now)?;
        entries::revoke_what_is_due(&transaction, authority)?;
        let entries = entries::of_list(&transaction, authority, state, trusted)?;
        entries::remember_first_list(&transaction, authority, state.number)?;
        transaction.commit()?;
        Ok((state, entries))
    }

    /// Records that the list of this number has taken its place.
    pub(crate) fn mark_published(&self, authority: Authority, number: u64) -> Result<(), RegistryError> {
        let statement = "UPDATE crl_signing SET published = 1 WHERE authority = ?1 AND number = ?2";
        self.connection.execute(statement, (authority.name(), column(number)))?;
        Ok(())
    }

    /// Whether the list of this number was signed, or seen, by this registry.
    pub(crate) fn knows_list(&self, authority: Authority, number: u64) -> Result<bool, RegistryError> {
        let query = "SELECT 1 FROM crl_signing WHERE authority = ?1 AND number = ?2";
        let mut statement = self.connection.prepare_cached(query)?;
        Ok(statement.exists((authority.name(), column(number)))?)
    }
}

/// The highest number of a list that this registry signed or saw.
pub(super) fn newest_number(connection: &Connection, authority: Authority) -> rusqlite::Result<u64> {
    let query = "SELECT max(number) FROM crl_signing WHERE authority = ?1";
    let number: Option<i64> =
        connection.query_row(query, [authority.name()], |row| row.get(0)).optional()?.flatten();
    Ok(number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0))
}

/// Records a list; one that is recorded already stays as it is.
pub(super) fn insert(
    connection: &Connection,
    authority: Authority,
    state: CrlState,
    trusted: bool,
    published: bool,
) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "INSERT INTO crl_signing (authority, number, this_update, next_update, trusted, published) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        )?
        .execute((
            authority.name(),
            column(state.number),
            state.this_update.signed(),
            state.next_update.signed(),
            trusted,
            published,
        ))
}
