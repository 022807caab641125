//! Revoking, suspending and resuming: the rows. The CRL is `crl`'s.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use rusqlite::{Connection, TransactionBehavior};
use serde::{Serialize, Serializer};

use super::certificates::{COLUMNS, CertificateRecord, seconds, serial};
use super::{Registry, RegistryError, Status};
use crate::authority::Authority;
use crate::serial::SerialNumber;
use crate::timestamp::Timestamp;

/// Why a certificate is in the CRL, by the names of RFC 5280 §5.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nobody said.
    Unspecified,
    /// The key is known to others, or may be.
    KeyCompromise,
    /// The CA's key is.
    CaCompromise,
    /// The subject's name or organization changed.
    AffiliationChanged,
    /// Another certificate took its place.
    Superseded,
    /// It is no longer needed.
    CessationOfOperation,
    /// On hold.
    CertificateHold,
    /// What it was allowed to do was withdrawn.
    PrivilegeWithdrawn,
    /// An attribute authority's key is known to others.
    AaCompromise,
}

impl Reason {
    /// Those a certificate can be revoked for. `certificateHold` is what `suspend` does, and `removeFromCRL` belongs
    /// to delta CRLs, which there are none of.
    pub const FOR_GOOD: [Self; 8] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// The name in RFC 5280.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }
}

/// No reason has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such revocation reason")]
pub struct NoSuchReason;

impl FromStr for Reason {
    type Err = NoSuchReason;

    fn from_str(text: &str) -> Result<Self, NoSuchReason> {
        let all = Self::FOR_GOOD.into_iter().chain([Self::CertificateHold]);
        all.into_iter().find(|reason| reason.name() == text).ok_or(NoSuchReason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Which certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Every unexpired certificate of a device or service.
    Identity(String),
    /// One certificate.
    Serial(SerialNumber),
    /// Every unexpired certificate of every device of a work order.
    WorkOrder(String),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity(name) => f.write_str(name),
            Self::Serial(serial) => write!(f, "serial {serial}"),
            Self::WorkOrder(work_order) => write!(f, "work order {work_order}"),
        }
    }
}

/// What to do with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Revoke for good. A suspended certificate becomes a revoked one, with the time of this revocation.
    Revoke(Reason),
    /// Put on hold.
    Suspend,
    /// Take off hold.
    Resume,
}

/// What came of a certificate.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The certificate as it is now.
    #[serde(flatten)]
    pub certificate: CertificateRecord,
    /// Whether this changed it; `false`: it was like that before.
    pub changed: bool,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RevocationError {
    /// No such devices, services or serials.
    #[error("unknown: {names}", names = .targets.iter().map(Target::to_string).collect::<Vec<_>>().join(", "))]
    Unknown {
        /// Those that are unknown.
        targets: Vec<Target>,
    },
    /// A revoked certificate can be neither suspended nor resumed.
    #[error("certificate {serial} of {identity} is revoked, and a revocation is for good")]
    Revoked {
        /// Its serial number.
        serial: SerialNumber,
        /// Whose it is.
        identity: String,
    },
    /// The broker's certificates are in no CRL.
    #[error("certificate {serial} is the broker's, and no device reads a CRL for those")]
    Broker {
        /// Its serial number.
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

/// A line of a CRL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedEntry {
    /// Which certificate.
    pub serial: SerialNumber,
    /// Since when.
    pub revoked_at: Timestamp,
    /// Why.
    pub reason: Reason,
}

impl Registry {
    /// Applies `change` to every unexpired certificate of all targets, or to none of them.
    pub fn change(
        &mut self,
        targets: &[Target],
        change: Change,
        now: Timestamp,
    ) -> Result<Vec<Outcome>, RevocationError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut found = Vec::new();
        let mut unknown = Vec::new();
        for target in targets {
            let certificates = certificates(&transaction, target, now)?;
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
            let changed = apply(&transaction, &certificate, change, now)?;
            let after = by_serial(&transaction, &certificate.serial, now)?;
            outcomes.push(Outcome { certificate: after.unwrap_or(certificate), changed });
        }
        transaction.commit()?;
        Ok(outcomes)
    }

    /// Whose CRLs a change of these targets needs. Changes nothing.
    pub fn authorities_of(
        &self,
        targets: &[Target],
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

    /// What the next CRL of an authority must list: everything revoked or suspended that had not expired when the
    /// last CRL was signed, so that each entry is in one CRL after its certificate ended (RFC 5280 §3.3).
    pub fn revoked(
        &self,
        authority: Authority,
        last_crl: Option<Timestamp>,
    ) -> Result<Vec<RevokedEntry>, RegistryError> {
        let mut statement = self.connection.prepare(
            "SELECT serial, revoked_at, ifnull(revocation_reason, 'unspecified') FROM certificate \
             WHERE authority = ?1 AND status IN ('suspended', 'revoked') AND not_after >= ?2",
        )?;
        let since = last_crl.map_or(0, seconds);
        let rows = statement.query_and_then((authority.name(), since), |row| {
            let reason: String = row.get(2)?;
            Ok(RevokedEntry {
                serial: serial(row.get(0)?)?,
                revoked_at: super::certificates::moment(row.get(1)?),
                reason: reason
                    .parse()
                    .map_err(|_| RegistryError::damaged("certificate.revocation_reason makes no sense"))?,
            })
        })?;
        rows.collect()
    }
}

fn certificates(
    connection: &Connection,
    target: &Target,
    now: Timestamp,
) -> Result<Vec<CertificateRecord>, RegistryError> {
    match target {
        Target::Serial(serial) => Ok(by_serial(connection, serial, now)?.into_iter().collect()),
        Target::Identity(name) => matching(connection, "identity = ?1", name, now),
        Target::WorkOrder(work_order) => {
            let of_its_devices = "identity IN (SELECT device_id FROM device WHERE work_order = ?1)";
            matching(connection, of_its_devices, work_order, now)
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

/// Those of a target's certificates that a change is about. A device whose old certificate was revoked can still have
/// its new one suspended; only when nothing but revoked ones are left is that an error.
fn affected(
    mut certificates: Vec<CertificateRecord>,
    change: Change,
    now: Timestamp,
) -> Vec<CertificateRecord> {
    let lives = |certificate: &CertificateRecord| {
        certificate.status != Status::Revoked && now <= certificate.not_after
    };
    if !matches!(change, Change::Revoke(_)) && certificates.iter().any(lives) {
        certificates.retain(lives);
    }
    certificates
}

/// Whether it changed anything.
fn apply(
    connection: &Connection,
    certificate: &CertificateRecord,
    change: Change,
    now: Timestamp,
) -> Result<bool, RevocationError> {
    let serial = certificate.serial;
    if certificate.authority == Authority::Broker {
        return Err(RevocationError::Broker { serial });
    }
    let (status, reason, at) = match (change, certificate.status) {
        // What has ended needs no entry in a CRL, and is left as it ended.
        _ if certificate.not_after < now => return Ok(false),
        (Change::Revoke(_), Status::Revoked)
        | (Change::Suspend, Status::Suspended)
        | (Change::Resume, Status::Active | Status::Superseded | Status::Expired)
        | (_, Status::Expired) => return Ok(false),
        (Change::Suspend | Change::Resume, Status::Revoked) => {
            let identity = certificate.identity.clone().unwrap_or_default();
            return Err(RevocationError::Revoked { serial, identity });
        }
        (Change::Revoke(reason), _) => (Status::Revoked, Some(reason), Some(seconds(now))),
        (Change::Suspend, _) => (Status::Suspended, Some(Reason::CertificateHold), Some(seconds(now))),
        // The status from before the suspension is not stored, but follows from the registry; and a renewal during the
        // suspension counts too.
        (Change::Resume, _) if has_successor(connection, &serial)? => (Status::Superseded, None, None),
        (Change::Resume, _) => (Status::Active, None, None),
    };
    connection
        .prepare_cached(
            "UPDATE certificate SET status = ?2, revocation_reason = ?3, revoked_at = ?4 WHERE serial = ?1",
        )?
        .execute((serial.as_bytes(), status.name(), reason.map(Reason::name), at))?;
    Ok(true)
}

/// Whether a newer certificate of the same identity is registered, which is what supersedes the older ones.
fn has_successor(connection: &Connection, serial: &SerialNumber) -> Result<bool, RevocationError> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM certificate AS this JOIN certificate AS newer \
         ON newer.identity = this.identity AND newer.id > this.id WHERE this.serial = ?1",
    )?;
    Ok(statement.exists([serial.as_bytes()])?)
}
