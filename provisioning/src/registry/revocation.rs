//! Revoking, suspending and resuming certificates in the registry. `crl` publishes the outcome.

use std::collections::BTreeSet;
use std::fmt;

use rusqlite::{Connection, TransactionBehavior};
use serde::Serialize;

use super::certificates::{COLUMNS, CertificateRecord};
use super::crl_state::column;
use super::work_orders::devices_of;
use super::{Registry, RegistryError, RevocationReason, Status, signing};
use crate::authority::Authority;
use crate::order::WorkOrder;
use crate::serial::SerialNumber;
use crate::timestamp::Timestamp;

/// Which certificates a change of status is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RevocationTarget {
    /// Every certificate of a device or service.
    Identity(String),
    /// One certificate.
    Serial(SerialNumber),
    /// Every certificate of every device of a work order.
    WorkOrder(WorkOrder),
}

impl fmt::Display for RevocationTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity(name) => f.write_str(name),
            Self::Serial(serial) => write!(f, "serial {serial}"),
            Self::WorkOrder(work_order) => write!(f, "work order {work_order}"),
        }
    }
}

/// A change of status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusChange {
    /// Revoke permanently. A suspended certificate becomes revoked, at the time of this revocation.
    Revoke(RevocationReason),
    /// Suspend.
    Suspend,
    /// End a suspension. The status is then what it would be without the suspension: active or superseded.
    Resume,
}

impl StatusChange {
    /// What is done to a certificate, for a person.
    pub(crate) fn verb(self) -> &'static str {
        match self {
            Self::Revoke(_) => "revoke for good",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
        }
    }
}

/// A certificate after a change of status.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ChangeOutcome {
    /// The certificate after the change.
    #[serde(flatten)]
    pub(crate) certificate: CertificateRecord,
    /// Whether the change had an effect; `false` if the certificate had that status before.
    pub(crate) changed: bool,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RevocationError {
    /// Unknown devices, services or serial numbers.
    #[error("unknown: {names}", names = .targets.iter().map(RevocationTarget::to_string).collect::<Vec<_>>().join(", "))]
    Unknown {
        /// All that are unknown.
        targets: Vec<RevocationTarget>,
    },
    /// A revoked certificate can be neither suspended nor resumed: a revocation is permanent.
    #[error("certificate {serial} of {identity} is revoked, and a revocation is for good")]
    Revoked {
        /// The serial number.
        serial: SerialNumber,
        /// The device or service.
        identity: String,
    },
    /// A certificate of the broker, which no CRL lists.
    #[error("certificate {serial} is the broker's, and no device reads a CRL for those")]
    Broker {
        /// The serial number.
        serial: SerialNumber,
    },
    /// The registry did not answer.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl From<rusqlite::Error> for RevocationError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Registry(error.into())
    }
}

impl Registry {
    /// Applies `change` to every certificate of all targets, or to none of them.
    pub(crate) fn change_status(
        &mut self,
        targets: &[RevocationTarget],
        change: StatusChange,
        now: Timestamp,
    ) -> Result<Vec<ChangeOutcome>, RevocationError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let outcomes = change_all(&transaction, targets, change, now)?;
        transaction.commit()?;
        Ok(outcomes)
    }

    /// What [`Registry::change_status`] would do. Nothing is changed.
    pub(crate) fn preview_change(
        &mut self,
        targets: &[RevocationTarget],
        change: StatusChange,
        now: Timestamp,
    ) -> Result<Vec<ChangeOutcome>, RevocationError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let outcomes = change_all(&transaction, targets, change, now)?;
        transaction.rollback()?;
        Ok(outcomes)
    }

    /// The authorities whose CRLs a change of these targets affects.
    pub(crate) fn authorities_of(
        &self,
        targets: &[RevocationTarget],
        now: Timestamp,
    ) -> Result<BTreeSet<Authority>, RevocationError> {
        let mut authorities = BTreeSet::new();
        let mut unknown = Vec::new();
        for target in targets {
            let certificates = certificates(&self.connection, target, now)?;
            if certificates.is_empty() {
                unknown.push(target.clone());
            }
            authorities.extend(certificates.into_iter().map(|certificate| certificate.authority));
        }
        if unknown.is_empty() { Ok(authorities) } else { Err(RevocationError::Unknown { targets: unknown }) }
    }
}

/// Applies `change` to every certificate of all targets.
fn change_all(
    connection: &Connection,
    targets: &[RevocationTarget],
    change: StatusChange,
    now: Timestamp,
) -> Result<Vec<ChangeOutcome>, RevocationError> {
    let mut found = Vec::new();
    let mut unknown = Vec::new();
    for target in targets {
        let certificates = certificates(connection, target, now)?;
        if certificates.is_empty() {
            unknown.push(target.clone());
        }
        found.extend(affected(certificates, change, now));
    }
    if !unknown.is_empty() {
        return Err(RevocationError::Unknown { targets: unknown });
    }
    let mut outcomes = Vec::new();
    for certificate in found {
        let changed = apply(connection, &certificate, change, now)?;
        let after = by_serial(connection, &certificate.serial, now)?;
        outcomes.push(ChangeOutcome { certificate: after.unwrap_or(certificate), changed });
    }
    Ok(outcomes)
}

fn certificates(
    connection: &Connection,
    target: &RevocationTarget,
    now: Timestamp,
) -> Result<Vec<CertificateRecord>, RegistryError> {
    match target {
        RevocationTarget::Serial(serial) => Ok(by_serial(connection, serial, now)?.into_iter().collect()),
        RevocationTarget::Identity(name) => matching(connection, "identity = ?1", name, now),
        RevocationTarget::WorkOrder(work_order) => {
            let mut found = Vec::new();
            for device in devices_of(connection, work_order)? {
                found.extend(matching(connection, "identity = ?1", &device, now)?);
            }
            Ok(found)
        }
    }
}

fn matching(
    connection: &Connection,
    condition: &'static str,
    parameter: &str,
    now: Timestamp,
) -> Result<Vec<CertificateRecord>, RegistryError> {
    let query = format!("SELECT {COLUMNS} FROM certificate WHERE {condition} ORDER BY id");
    let mut statement = connection.prepare_cached(&query)?;
    let rows = statement.query_and_then([parameter], |row| CertificateRecord::read(row, now))?;
    rows.collect()
}

fn by_serial(
    connection: &Connection,
    serial: &SerialNumber,
    now: Timestamp,
) -> Result<Option<CertificateRecord>, RegistryError> {
    let query = format!("SELECT {COLUMNS} FROM certificate WHERE serial = ?1");
    let mut statement = connection.prepare_cached(&query)?;
    let mut rows = statement.query_and_then([serial.as_bytes()], |row| CertificateRecord::read(row, now))?;
    rows.next().transpose()
}

/// The certificates of a target that a change is about. Suspending or resuming passes over revoked and replaced
/// certificates, so that it works for a device whose old certificate was revoked; if all are, they are kept, for the error.
fn affected(
    mut certificates: Vec<CertificateRecord>,
    change: StatusChange,
    now: Timestamp,
) -> Vec<CertificateRecord> {
    let changeable = |certificate: &CertificateRecord| {
        certificate.status != Status::Revoked && !certificate.is_replaced(now)
    };
    if !matches!(change, StatusChange::Revoke(_)) && certificates.iter().any(changeable) {
        certificates.retain(changeable);
    }
    certificates
}

/// Applies a change to a certificate; `false` if it has no effect.
fn apply(
    connection: &Connection,
    certificate: &CertificateRecord,
    change: StatusChange,
    now: Timestamp,
) -> Result<bool, RevocationError> {
    let serial = certificate.serial;
    if certificate.authority == Authority::Broker {
        return Err(RevocationError::Broker { serial });
    }
    let (status, reason) = match (change, certificate.status) {
        // It is on the list for good, and a suspension would end there.
        (StatusChange::Suspend, _) if certificate.is_replaced(now) => return Ok(false),
        (StatusChange::Revoke(_), Status::Revoked)
        | (StatusChange::Suspend, Status::Suspended)
        | (StatusChange::Resume, Status::Active | Status::Superseded | Status::Expired) => return Ok(false),
        (StatusChange::Suspend | StatusChange::Resume, Status::Revoked) => {
            let identity = certificate.identity.clone().unwrap_or_default();
            return Err(RevocationError::Revoked { serial, identity });
        }
        // Also one that has expired: whether it has is a matter of this machine's clock, and clocks are wrong at times.
        (StatusChange::Revoke(reason), _) => (Status::Revoked, reason),
        (StatusChange::Suspend, _) => (Status::Suspended, RevocationReason::CertificateHold),
        (StatusChange::Resume, _) => {
            connection.prepare_cached(RESUME)?.execute([serial.as_bytes()])?;
            record_resumption(connection, certificate.authority, &serial, now)?;
            return Ok(true);
        }
    };
    connection.prepare_cached(TAKE_OFF)?.execute((
        serial.as_bytes(),
        status.name(),
        reason.name(),
        now.signed(),
    ))?;
    Ok(true)
}

/// Suspends or revokes a certificate; a suspension remembers what it ends with. The right-hand sides see the row as it
/// was.
pub(super) const TAKE_OFF: &str = "UPDATE certificate SET status = ?2, revocation_reason = ?3, revoked_at = ?4, \
     listed_from = NULL, status_before = iif(?2 = 'suspended', status, NULL), \
     revoke_from = iif(?2 = 'suspended', revoke_from, NULL) WHERE serial = ?1";

/// Ends a suspension: the certificate is what it was before, or what it became since.
const RESUME: &str = "UPDATE certificate SET status = status_before, status_before = NULL, \
     revocation_reason = iif(revoke_from IS NULL, NULL, 'superseded'), revoked_at = NULL, listed_from = NULL \
     WHERE serial = ?1 AND status = 'suspended'";

/// Records that a suspension is over: a hold in any list up to now no longer counts. By the number of the list, because a
/// clock may have been wrong when it was signed, or be wrong now.
fn record_resumption(
    connection: &Connection,
    authority: Authority,
    serial: &SerialNumber,
    now: Timestamp,
) -> Result<(), RevocationError> {
    let statement = "INSERT INTO resumption (authority, serial, list_number, resumed_at) VALUES (?1, ?2, ?3, ?4) \
                     ON CONFLICT DO NOTHING";
    let newest = column(signing::newest_number(connection, authority)?);
    connection.prepare_cached(statement)?.execute((
        authority.name(),
        serial.as_bytes(),
        newest,
        now.signed(),
    ))?;
    Ok(())
}
