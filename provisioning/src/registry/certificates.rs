//! Certificates in the registry, and how they are looked up.

use std::fmt;
use std::str::FromStr;

use rusqlite::{OptionalExtension as _, Row};
use serde::{Serialize, Serializer};

use super::{KeyOrigin, Registry, RegistryError, RevocationReason};
use crate::authority::Authority;
use crate::digest::Sha256;
use crate::serial::SerialNumber;
use crate::timestamp::Timestamp;

/// What a name is registered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdentityKind {
    /// A device.
    Device,
    /// A back-end service.
    Service,
}

impl IdentityKind {
    const ALL: [Self; 2] = [Self::Device, Self::Service];

    /// The name in the registry.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Service => "service",
        }
    }
}

/// The status of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Valid, and the newest of its subject.
    Active,
    /// On hold: listed in the CRL until it is resumed.
    Suspended,
    /// Listed in the CRL, permanently.
    Revoked,
    /// A newer certificate of its subject is registered. Valid until its `notAfter`, or until a list has it.
    Superseded,
    /// Past its `notAfter`, and neither suspended nor revoked before.
    Expired,
}

impl Status {
    /// All, in the order they are listed.
    pub(crate) const ALL: [Self; 5] =
        [Self::Active, Self::Suspended, Self::Revoked, Self::Superseded, Self::Expired];

    /// The name in the registry, in JSON and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
            Self::Superseded => "superseded",
            Self::Expired => "expired",
        }
    }

    /// The status at `now` of a certificate with this stored status: a revoked or suspended certificate stays that, any
    /// other expires.
    pub(super) fn at(self, not_after: Timestamp, now: Timestamp) -> Self {
        match self {
            Self::Active | Self::Superseded if not_after < now => Self::Expired,
            stored => stored,
        }
    }
}

/// No status has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such status")]
pub(crate) struct NoSuchStatus;

impl FromStr for Status {
    type Err = NoSuchStatus;

    fn from_str(text: &str) -> Result<Self, NoSuchStatus> {
        Self::ALL.into_iter().find(|status| status.name() == text).ok_or(NoSuchStatus)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A certificate in the registry.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CertificateRecord {
    /// The serial number.
    pub(crate) serial: SerialNumber,
    /// The name of the device or service; the broker has none.
    pub(crate) identity: Option<String>,
    /// The authority that signed it.
    pub(crate) authority: Authority,
    /// The status at the time of reading.
    pub(crate) status: Status,
    /// Why it was revoked or suspended.
    pub(crate) revocation_reason: Option<RevocationReason>,
    /// When it was revoked or suspended.
    pub(crate) revoked_at: Option<Timestamp>,
    /// Of a replaced one: from when the CRL lists it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revoke_from: Option<Timestamp>,
    /// The first second of validity.
    pub(crate) not_before: Timestamp,
    /// The last second of validity.
    pub(crate) not_after: Timestamp,
    /// The SHA-256 digest of the DER certificate.
    pub(crate) fingerprint_sha256: Sha256,
    /// The SHA-256 digest of the SubjectPublicKeyInfo.
    pub(crate) spki_sha256: Sha256,
    /// Who made its key.
    pub(crate) key_origin: KeyOrigin,
}

/// The columns [`CertificateRecord::read`] reads, in its order.
pub(super) const COLUMNS: &str = "serial, identity, authority, status, revocation_reason, revoked_at, revoke_from, \
                                  not_before, not_after, fingerprint_sha256, spki_sha256, key_origin";

impl CertificateRecord {
    /// Reads a row of [`COLUMNS`].
    pub(super) fn read(row: &Row<'_>, now: Timestamp) -> Result<Self, RegistryError> {
        let not_after = Timestamp::from_signed(row.get("not_after")?);
        let reason: Option<String> = row.get("revocation_reason")?;
        let damaged = |column: &str| RegistryError::damaged(format!("certificate.{column} makes no sense"));
        let status: Status = row.get::<_, String>("status")?.parse().map_err(|_| damaged("status"))?;
        Ok(Self {
            serial: serial(row.get("serial")?)?,
            identity: row.get("identity")?,
            authority: Authority::by_name(&row.get::<_, String>("authority")?)
                .ok_or_else(|| damaged("authority"))?,
            status: status.at(not_after, now),
            revocation_reason: match reason {
                Some(reason) => Some(reason.parse().map_err(|_| damaged("revocation_reason"))?),
                None => None,
            },
            revoked_at: row.get::<_, Option<i64>>("revoked_at")?.map(Timestamp::from_signed),
            revoke_from: row.get::<_, Option<i64>>("revoke_from")?.map(Timestamp::from_signed),
            not_before: Timestamp::from_signed(row.get("not_before")?),
            not_after,
            fingerprint_sha256: Sha256::from_bytes(row.get("fingerprint_sha256")?),
            spki_sha256: Sha256::from_bytes(row.get("spki_sha256")?),
            key_origin: row.get::<_, String>("key_origin")?.parse().map_err(|_| damaged("key_origin"))?,
        })
    }
}

impl CertificateRecord {
    /// Whether it was replaced, and is on the list since.
    pub(super) fn is_replaced(&self, now: Timestamp) -> bool {
        matches!(self.status, Status::Superseded | Status::Expired)
            && self.revoke_from.is_some_and(|from| from <= now)
    }
}

/// A serial number from its column.
pub(super) fn serial(bytes: [u8; crate::serial::LEN]) -> Result<SerialNumber, RegistryError> {
    SerialNumber::from_bytes(bytes)
        .ok_or_else(|| RegistryError::damaged("a serial number is zero or negative"))
}

impl Registry {
    /// What a name is registered for.
    pub(crate) fn kind_of(&self, name: &str) -> Result<Option<IdentityKind>, RegistryError> {
        let mut statement = self.connection.prepare_cached("SELECT kind FROM identity WHERE name = ?1")?;
        let kind: Option<String> = statement.query_row([name], |row| row.get(0)).optional()?;
        let Some(name) = kind else { return Ok(None) };
        match IdentityKind::ALL.into_iter().find(|kind| kind.name() == name) {
            Some(kind) => Ok(Some(kind)),
            None => Err(RegistryError::damaged(format!("identity.kind is {name:?}"))),
        }
    }

    /// All certificates of a device or service, newest first.
    pub(crate) fn certificates_of(
        &self,
        identity: &str,
        now: Timestamp,
    ) -> Result<Vec<CertificateRecord>, RegistryError> {
        let query = format!("SELECT {COLUMNS} FROM certificate WHERE identity = ?1 ORDER BY id DESC");
        let mut statement = self.connection.prepare_cached(&query)?;
        let rows = statement.query_and_then([identity], |row| CertificateRecord::read(row, now))?;
        rows.collect()
    }

    /// The length of the longest registered name, in characters: the width of a column.
    pub(crate) fn longest_name(&self) -> Result<usize, RegistryError> {
        let query = "SELECT ifnull(max(length(name)), 0) FROM identity";
        let length: i64 = self.connection.query_row(query, [], |row| row.get(0))?;
        Ok(usize::try_from(length).unwrap_or(0))
    }

    /// The identity that this public key was certified for, if it ever was; empty for the broker.
    pub(crate) fn identity_of_key(&self, spki: &Sha256) -> Result<Option<String>, RegistryError> {
        let query = "SELECT ifnull(identity, '') FROM certificate WHERE spki_sha256 = ?1";
        let mut statement = self.connection.prepare_cached(query)?;
        Ok(statement.query_row([spki.as_bytes()], |row| row.get(0)).optional()?)
    }

    /// The DER certificate of this serial number.
    pub(crate) fn certificate_der(&self, serial: &SerialNumber) -> Result<Option<Vec<u8>>, RegistryError> {
        let mut statement =
            self.connection.prepare_cached("SELECT der FROM certificate WHERE serial = ?1")?;
        Ok(statement.query_row([serial.as_bytes()], |row| row.get(0)).optional()?)
    }

    /// Whether a certificate of this serial number is registered.
    pub(crate) fn has_serial(&self, serial: &SerialNumber) -> Result<bool, RegistryError> {
        let mut statement = self.connection.prepare_cached("SELECT 1 FROM certificate WHERE serial = ?1")?;
        Ok(statement.exists([serial.as_bytes()])?)
    }
}
