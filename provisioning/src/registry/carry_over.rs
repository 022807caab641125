//! What a published list of this CA holds and the registry lacks: it is taken over before the list is replaced.

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};
use serde::Serialize;

use super::crl_state::{CrlState, column};
use super::entries::RevokedEntry;
use super::{Registry, RegistryError, RevocationReason, Status, signing, witness};
use crate::authority::Authority;
use crate::serial::ListedSerial;

/// What was taken over from a published list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct CarriedOver {
    /// The serial number of the entry.
    pub(crate) serial: ListedSerial,
    /// The device or service, if the registry has the certificate.
    pub(crate) identity: Option<String>,
    /// Why it is listed.
    pub(crate) reason: RevocationReason,
}

impl Registry {
    /// Takes over from a published list of this CA what the registry lacks, and gives that. The list is remembered: no
    /// later one gets a number as low, and its time counts as seen.
    pub(crate) fn carry_over(
        &mut self,
        authority: Authority,
        list: CrlState,
        entries: &[RevokedEntry],
    ) -> Result<Vec<CarriedOver>, RegistryError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if signing::insert(&transaction, authority, list, false, true)? > 0 {
            witness::note_seen(&transaction, list.this_update)?;
        }
        let mut carried = Vec::new();
        for entry in entries {
            if let Some(taken) = carry_over(&transaction, authority, list.number, entry)? {
                carried.push(taken);
            }
        }
        transaction.commit()?;
        // Only now: a list in its place is proof that it was published, also if that could not be recorded then.
        self.mark_published(authority, list.number)?;
        Ok(carried)
    }
}

/// Takes over one entry; `None` if the registry has it, or has recorded its end.
fn carry_over(
    connection: &Connection,
    authority: Authority,
    list_number: u64,
    entry: &RevokedEntry,
) -> Result<Option<CarriedOver>, RegistryError> {
    let hold = entry.reason == RevocationReason::CertificateHold;
    let serial = entry.serial.content();
    let known: Option<(String, Option<String>)> = connection
        .prepare_cached(
            "SELECT iif(status = 'superseded' AND revoke_from IS NOT NULL AND listed_from IS NOT NULL, 'replaced', status), \
             identity FROM certificate WHERE serial = ?1 AND authority = ?2",
        )?
        .query_row((serial, authority.name()), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((status, identity)) = known else {
        let noted: Option<String> = connection
            .prepare_cached("SELECT revocation_reason FROM carried WHERE serial = ?1 AND authority = ?2")?
            .query_row((serial, authority.name()), |row| row.get(0))
            .optional()?;
        let noted_hold = noted.as_deref() == Some(RevocationReason::CertificateHold.name());
        // A revocation follows a suspension, and never the other way round.
        let lacking = noted.is_none() || (noted_hold && !hold);
        if !lacking || (hold && is_over(connection, authority, list_number, serial)?) {
            return Ok(None);
        }
        connection
            .prepare_cached(
                "INSERT INTO carried (authority, serial, revoked_at, revocation_reason, list_number) \
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (authority, serial) DO UPDATE SET \
                 revoked_at = excluded.revoked_at, revocation_reason = excluded.revocation_reason, \
                 list_number = excluded.list_number, listed_from = NULL",
            )?
            .execute((
                authority.name(),
                serial,
                entry.revoked_at.signed(),
                entry.reason.name(),
                column(list_number),
            ))?;
        return Ok(Some(CarriedOver { serial: entry.serial.clone(), identity: None, reason: entry.reason }));
    };
    let lacking = match status.as_str() {
        "revoked" | "replaced" => false,
        "suspended" => !hold,
        _ => !hold || !is_over(connection, authority, list_number, serial)?,
    };
    if !lacking {
        return Ok(None);
    }
    let status = if hold { Status::Suspended } else { Status::Revoked };
    connection.prepare_cached(super::revocation::TAKE_OFF)?.execute((
        serial,
        status.name(),
        entry.reason.name(),
        entry.revoked_at.signed(),
    ))?;
    Ok(Some(CarriedOver { serial: entry.serial.clone(), identity, reason: entry.reason }))
}

/// Whether a hold in the list of this number was ended since, by the record.
fn is_over(
    connection: &Connection,
    authority: Authority,
    list_number: u64,
    serial: &[u8],
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 FROM resumption WHERE authority = ?1 AND serial = ?2 AND list_number >= ?3",
        )?
        .exists((authority.name(), serial, column(list_number)))
}
