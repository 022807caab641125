//! [`RevokedEntry`]: what a CRL lists, and until when.

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::crl_state::{CrlState, column};
use super::{RegistryError, RevocationReason};
use crate::authority::Authority;
use crate::serial::ListedSerial;
use crate::timestamp::{DAY, Timestamp};

/// An entry of a CRL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RevokedEntry {
    /// The certificate's serial number.
    pub(crate) serial: ListedSerial,
    /// The time of the revocation or suspension.
    pub(crate) revoked_at: Timestamp,
    /// The reason.
    pub(crate) reason: RevocationReason,
}

impl RevokedEntry {
    fn read(row: &Row<'_>) -> Result<Self, RegistryError> {
        let (serial, reason): (Vec<u8>, String) = (row.get(0)?, row.get(2)?);
        let damaged =
            |what: &str| RegistryError::damaged(format!("{what} of a revoked certificate makes no sense"));
        Ok(Self {
            serial: ListedSerial::from_content(&serial).ok_or_else(|| damaged("the serial number"))?,
            revoked_at: Timestamp::from_signed(row.get(1)?),
            reason: reason.parse().map_err(|_| damaged("revocation_reason"))?,
        })
    }
}

/// Whether an entry stays: `listed_from` and `not_after` are its columns.
///
/// It leaves when its certificate has ended (with the fleet's largest renewal grace, ?2) by the clock of this list (?3),
/// and a published list said so and carried it that was signed by a trusted clock, at least a day before the newest
/// trusted signing (?4 is that day). RFC 5280 §3.3 asks for one such list; two signings a day apart are asked for because
/// one wrong clock must not take an entry off.
const STAYS: &str = "(not_after IS NULL OR not_after + ?2 >= ?3 OR listed_from IS NULL OR NOT EXISTS \
     (SELECT 1 FROM crl_signing AS proof WHERE proof.authority = ?1 AND proof.trusted = 1 AND proof.published = 1 \
     AND proof.this_update > not_after + ?2 AND proof.this_update <= ?4 AND proof.number >= listed_from))";

/// Whether a certificate was replaced and is due for the list: by the newest time that was seen, because a clock that is
/// behind now must not put it off. What a list had once stays.
const REPLACED: &str = "status = 'superseded' AND revoke_from IS NOT NULL AND (listed_from IS NOT NULL OR \
     revoke_from <= (SELECT at FROM witness WHERE name = 'newest'))";

/// Revokes what was replaced with a delay that is over, and for another reason than that.
pub(super) fn revoke_what_is_due(connection: &Connection, authority: Authority) -> rusqlite::Result<()> {
    let statement = format!(
        "UPDATE certificate SET status = 'revoked', revoked_at = revoke_from, revoke_from = NULL \
         WHERE authority = ?1 AND revocation_reason <> 'superseded' AND {REPLACED}"
    );
    connection.prepare_cached(&statement)?.execute([authority.name()])?;
    Ok(())
}

/// What a list of an authority must list that is signed now.
pub(super) fn of_list(
    connection: &Connection,
    authority: Authority,
    state: CrlState,
    trusted: bool,
) -> Result<Vec<RevokedEntry>, RegistryError> {
    let query = format!(
        "SELECT serial, revoked_at, ifnull(revocation_reason, 'unspecified') FROM certificate \
         WHERE authority = ?1 AND status IN ('suspended', 'revoked') AND {STAYS} \
         UNION ALL SELECT serial, revoke_from, ifnull(revocation_reason, 'superseded') FROM certificate \
         WHERE authority = ?1 AND {REPLACED} AND {STAYS} \
         UNION ALL SELECT serial, revoked_at, revocation_reason FROM carried \
         WHERE authority = ?1 AND {STAYS} AND serial NOT IN (SELECT serial FROM certificate)"
    );
    let newest_trusted =
        if trusted { Some(state.this_update) } else { newest_trusted(connection, authority)? };
    let a_day_before = newest_trusted.map_or(-1, |newest| newest.before(DAY).signed());
    let mut statement = connection.prepare_cached(&query)?;
    let parameters =
        (authority.name(), largest_renewal_grace(connection)?, state.this_update.signed(), a_day_before);
    let rows = statement.query_and_then(parameters, RevokedEntry::read)?;
    rows.collect()
}

/// Notes the first list that carries an entry.
pub(super) fn remember_first_list(
    connection: &Connection,
    authority: Authority,
    number: u64,
) -> rusqlite::Result<()> {
    for table in ["certificate", "carried"] {
        let off = match table {
            "certificate" => format!("AND (status IN ('suspended', 'revoked') OR ({REPLACED}))"),
            _ => String::new(),
        };
        let statement =
            format!("UPDATE {table} SET listed_from = ?2 WHERE authority = ?1 AND listed_from IS NULL {off}");
        connection.prepare_cached(&statement)?.execute((authority.name(), column(number)))?;
    }
    Ok(())
}

fn newest_trusted(connection: &Connection, authority: Authority) -> rusqlite::Result<Option<Timestamp>> {
    let query =
        "SELECT max(this_update) FROM crl_signing WHERE authority = ?1 AND trusted = 1 AND published = 1";
    let newest: Option<i64> =
        connection.query_row(query, [authority.name()], |row| row.get(0)).optional()?.flatten();
    Ok(newest.map(Timestamp::from_signed))
}

fn largest_renewal_grace(connection: &Connection) -> Result<i64, RegistryError> {
    let query = "SELECT value FROM setting WHERE name = 'largest_renewal_grace'";
    let value: Option<String> = connection.query_row(query, [], |row| row.get(0)).optional()?;
    value
        .and_then(|value| value.parse::<u32>().ok())
        .map(i64::from)
        .ok_or_else(|| RegistryError::damaged("setting largest_renewal_grace is missing or makes no sense"))
}
