//! Replacing a device's certificate: the next one is recorded, and those before it end, in one transaction.

use rusqlite::{Connection, TransactionBehavior};

use super::certificates::CertificateRecord;
use super::record::insert_certificate;
use super::revocation::ChangeOutcome;
use super::{KeyOrigin, RecordError, Registry, RegistryError, RevocationReason, witness};
use crate::certificate_subject::CertificateSubject;
use crate::serial::SerialNumber;
use crate::timestamp::{DAY, Timestamp};
use crate::verify::VerifiedCertificate;

/// How the certificates before a new one end: why, and when the CRL lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    reason: RevocationReason,
    from: Timestamp,
}

/// A key that others may know is not left valid for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("after {reason} there is no overlap: whoever has the old key could go on using it")]
pub(crate) struct OverlapRefused {
    reason: RevocationReason,
}

impl Ending {
    /// They end with the transaction, and the next list has them.
    pub(crate) fn at_once(reason: RevocationReason, now: Timestamp) -> Self {
        Self { reason, from: now }
    }

    /// They are superseded now, and a list of `days` later has them.
    pub(crate) fn after(reason: RevocationReason, days: u32, now: Timestamp) -> Result<Self, OverlapRefused> {
        match reason {
            RevocationReason::KeyCompromise
            | RevocationReason::CaCompromise
            | RevocationReason::AaCompromise => Err(OverlapRefused { reason }),
            _ => Ok(Self { reason, from: now.after(u64::from(days) * DAY) }),
        }
    }
}

impl Registry {
    /// Records the next certificate of a registered device, and the end of those before it. Revoked and suspended ones
    /// stay as they are. Gives what became of them.
    pub(crate) fn record_replacement(
        &mut self,
        certificate: &VerifiedCertificate,
        origin: KeyOrigin,
        ending: Ending,
        now: Timestamp,
    ) -> Result<Vec<ChangeOutcome>, RecordError> {
        let CertificateSubject::Device(device_id) = certificate.subject() else {
            return Err(RegistryError::damaged("a device was given another's certificate").into());
        };
        let before = self.certificates_of(device_id.as_str(), now)?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        insert_certificate(&transaction, certificate, origin)?;
        end_all_but(&transaction, device_id.as_str(), certificate.serial(), ending, now)?;
        transaction.commit()?;
        Ok(self.outcomes(device_id.as_str(), before, now)?)
    }

    /// Ends what was registered for a device before its newest certificate: a replacement that was interrupted did so
    /// already, and one that is run again with a graver reason does it again. Gives what became of them.
    pub(crate) fn end_replaced(
        &mut self,
        device_id: &str,
        newest: SerialNumber,
        ending: Ending,
        now: Timestamp,
    ) -> Result<Vec<ChangeOutcome>, RegistryError> {
        let mut before = self.certificates_of(device_id, now)?;
        before.retain(|certificate| certificate.serial != newest);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        end_all_but(&transaction, device_id, newest, ending, now)?;
        transaction.commit()?;
        self.outcomes(device_id, before, now)
    }

    /// What became of these certificates of a device.
    fn outcomes(
        &self,
        device_id: &str,
        before: Vec<CertificateRecord>,
        now: Timestamp,
    ) -> Result<Vec<ChangeOutcome>, RegistryError> {
        let after = self.certificates_of(device_id, now)?;
        let outcome = |before: CertificateRecord| {
            let after = after.iter().find(|after| after.serial == before.serial).cloned();
            let certificate = after.unwrap_or_else(|| before.clone());
            let changed = certificate.status != before.status
                || certificate.revocation_reason != before.revocation_reason
                || certificate.revoke_from != before.revoke_from;
            ChangeOutcome { certificate, changed }
        };
        Ok(before.into_iter().map(outcome).collect())
    }
}

/// Ends every certificate of a device but one. The right-hand sides see the row as it was.
fn end_all_but(
    connection: &Connection,
    device_id: &str,
    newest: SerialNumber,
    ending: Ending,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let newest = newest.as_bytes();
    let Ending { reason, from } = ending;
    if reason == RevocationReason::Superseded || from > now {
        connection.execute(
            "UPDATE certificate SET status = 'superseded', revocation_reason = ifnull(revocation_reason, ?3), \
             revoke_from = min(ifnull(revoke_from, ?4), ?4) \
             WHERE identity = ?1 AND serial <> ?2 AND status IN ('active', 'superseded')",
            (device_id, newest, reason.name(), from.signed()),
        )?;
    } else {
        connection.execute(
            "UPDATE certificate SET status = 'revoked', revocation_reason = ?3, revoked_at = ?4, revoke_from = NULL, \
             listed_from = NULL WHERE identity = ?1 AND serial <> ?2 AND status IN ('active', 'superseded')",
            (device_id, newest, reason.name(), from.signed()),
        )?;
    }
    // One that is on hold stays so. Should the suspension end, it is a replaced one.
    connection.execute(
        "UPDATE certificate SET status_before = 'superseded', revoke_from = min(ifnull(revoke_from, ?3), ?3) \
         WHERE identity = ?1 AND serial <> ?2 AND status = 'suspended'",
        (device_id, newest, from.signed()),
    )?;
    witness::note_act(connection, now)
}
