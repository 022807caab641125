//! [`CrlState`]: the last CRL of an authority.

use rusqlite::OptionalExtension as _;

use super::{Registry, RegistryError};
use crate::authority::Authority;
use crate::timestamp::Timestamp;

/// The number and the dates of a CRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CrlState {
    /// The CRL number (RFC 5280 §5.2.3).
    pub(crate) number: u64,
    /// `thisUpdate`: when it was signed.
    pub(crate) this_update: Timestamp,
    /// `nextUpdate`: when a newer CRL is due.
    pub(crate) next_update: Timestamp,
}

impl Registry {
    /// The last CRL of an authority, if there is one.
    pub(crate) fn crl_state(&self, authority: Authority) -> Result<Option<CrlState>, RegistryError> {
        let state = self
            .connection
            .query_row(
                "SELECT number, this_update, next_update FROM crl_signing WHERE authority = ?1 \
                 ORDER BY number DESC LIMIT 1",
                [authority.name()],
                |row| {
                    Ok(CrlState {
                        number: u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0),
                        this_update: Timestamp::from_signed(row.get(1)?),
                        next_update: Timestamp::from_signed(row.get(2)?),
                    })
                },
            )
            .optional()?;
        Ok(state)
    }

    /// Records a CRL. To be called before it is published, so that no later CRL gets the same number.
    pub(crate) fn set_crl_state(&self, authority: Authority, state: CrlState) -> Result<(), RegistryError> {
        self.connection.execute(
            "INSERT INTO crl_signing (authority, number, this_update, next_update, trusted, published) \
             VALUES (?1, ?2, ?3, ?4, 0, 0)",
            (
                authority.name(),
                i64::try_from(state.number).unwrap_or(i64::MAX),
                state.this_update.signed(),
                state.next_update.signed(),
            ),
        )?;
        Ok(())
    }
}
