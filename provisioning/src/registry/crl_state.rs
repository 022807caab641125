//! What the last CRL of an authority said.

use rusqlite::OptionalExtension as _;

use super::certificates::{moment, seconds};
use super::{Registry, RegistryError};
use crate::authority::Authority;
use crate::timestamp::Timestamp;

/// What the last CRL of an authority said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlState {
    /// Its number (RFC 5280 §5.2.3).
    pub number: u64,
    /// When it was signed.
    pub this_update: Timestamp,
    /// Until when it counts.
    pub next_update: Timestamp,
}

impl Registry {
    /// The last CRL of an authority, if there is one.
    pub fn crl_state(&self, authority: Authority) -> Result<Option<CrlState>, RegistryError> {
        let state = self
            .connection
            .query_row(
                "SELECT number, this_update, next_update FROM crl WHERE authority = ?1",
                [authority.name()],
                |row| {
                    Ok(CrlState {
                        number: u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0),
                        this_update: moment(row.get(1)?),
                        next_update: moment(row.get(2)?),
                    })
                },
            )
            .optional()?;
        Ok(state)
    }

    /// Records a CRL. Before it is published, so that its number is never used again.
    pub fn set_crl_state(&self, authority: Authority, state: CrlState) -> Result<(), RegistryError> {
        self.connection.execute(
            "INSERT INTO crl (authority, number, this_update, next_update) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (authority) DO UPDATE SET number = excluded.number, this_update = excluded.this_update, \
             next_update = excluded.next_update",
            (
                authority.name(),
                i64::try_from(state.number).unwrap_or(i64::MAX),
                seconds(state.this_update),
                seconds(state.next_update),
            ),
        )?;
        Ok(())
    }
}
