//! Certificates as the registry knows them, and looking them up.

use std::fmt;
use std::str::FromStr;

use rusqlite::{OptionalExtension as _, Row};
use serde::{Serialize, Serializer};

use super::{Reason, Registry, RegistryError};
use crate::authority::Authority;
use crate::digest::Sha256;
use crate::serial::SerialNumber;
use crate::timestamp::Timestamp;

/// What a name in the registry belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A device.
    Device,
    /// A back-end service.
    Service,
}

/// What a certificate is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It opens doors.
    Active,
    /// On hold: in the CRL until it is resumed.
    Suspended,
    /// In the CRL for good.
    Revoked,
    /// Replaced by a newer one; still opens doors until it ends.
    Superseded,
    /// Its time is over.
    Expired,
}

impl Status {
    /// All, in the order they are listed.
    pub const ALL: [Self; 5] =
        [Self::Active, Self::Suspended, Self::Revoked, Self::Superseded, Self::Expired];

    /// The word for it, everywhere.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
            Self::Superseded => "superseded",
            Self::Expired => "expired",
        }
    }

    /// What a stored status comes to `now`: a revocation stays one, everything else ends with the certificate.
    fn at(self, not_after: Timestamp, now: Timestamp) -> Self {
        match self {
            Self::Active | Self::Superseded if not_after < now => Self::Expired,
            stored => stored,
        }
    }
}

/// No status has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such status")]
pub struct NoSuchStatus;

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

/// A certificate as the registry knows it.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateRecord {
    /// Its serial number.
    pub serial: SerialNumber,
    /// Whose it is: a device's or a service's name; the broker has none.
    pub identity: Option<String>,
    /// Who signed it.
    pub authority: Authority,
    /// What it is worth now.
    pub status: Status,
    /// Why it was revoked or suspended.
    pub revocation_reason: Option<Reason>,
    /// When it was revoked or suspended.
    pub revoked_at: Option<Timestamp>,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// The digest of the certificate.
    pub fingerprint_sha256: Sha256,
    /// The digest of its public key.
    pub spki_sha256: Sha256,
}

/// The columns [`CertificateRecord::read`] reads, in its order.
pub(super) const COLUMNS: &str = "serial, identity, authority, status, revocation_reason, revoked_at, not_before, \
                                  not_after, fingerprint_sha256, spki_sha256";

impl CertificateRecord {
    pub(super) fn read(row: &Row<'_>, now: Timestamp) -> Result<Self, RegistryError> {
        let not_after = moment(row.get("not_after")?);
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
            revoked_at: row.get::<_, Option<i64>>("revoked_at")?.map(moment),
            not_before: moment(row.get("not_before")?),
            not_after,
            fingerprint_sha256: Sha256::from_bytes(row.get("fingerprint_sha256")?),
            spki_sha256: Sha256::from_bytes(row.get("spki_sha256")?),
        })
    }
}

pub(super) fn moment(unix: i64) -> Timestamp {
    Timestamp::from_unix(u64::try_from(unix).unwrap_or(0))
}

pub(super) fn seconds(moment: Timestamp) -> i64 {
    i64::try_from(moment.unix()).unwrap_or(i64::MAX)
}

pub(super) fn serial(bytes: [u8; crate::serial::LEN]) -> Result<SerialNumber, RegistryError> {
    SerialNumber::from_bytes(bytes)
        .ok_or_else(|| RegistryError::damaged("a serial number is zero or negative"))
}

impl Registry {
    /// What a name belongs to.
    pub fn kind_of(&self, name: &str) -> Result<Option<Kind>, RegistryError> {
        let mut statement = self.connection.prepare_cached("SELECT kind FROM identity WHERE name = ?1")?;
        let kind: Option<String> = statement.query_row([name], |row| row.get(0)).optional()?;
        match kind.as_deref() {
            None => Ok(None),
            Some("device") => Ok(Some(Kind::Device)),
            Some("service") => Ok(Some(Kind::Service)),
            Some(other) => Err(RegistryError::damaged(format!("identity.kind is {other:?}"))),
        }
    }

    /// All certificates of a device or service, newest first.
    pub fn certificates_of(
        &self,
        identity: &str,
        now: Timestamp,
    ) -> Result<Vec<CertificateRecord>, RegistryError> {
        let query = format!("SELECT {COLUMNS} FROM certificate WHERE identity = ?1 ORDER BY id DESC");
        let mut statement = self.connection.prepare_cached(&query)?;
        let rows = statement.query_and_then([identity], |row| CertificateRecord::read(row, now))?;
        rows.collect()
    }

    /// Calls `each` with the newest certificate of every holder under an authority, by name; and, of a device, with
    /// its board state.
    pub fn each_current<E: From<RegistryError>>(
        &self,
        authority: Authority,
        now: Timestamp,
        mut each: impl FnMut(CertificateRecord, Option<String>) -> Result<(), E>,
    ) -> Result<(), E> {
        let query = format!(
            "SELECT {COLUMNS}, board_state FROM certificate AS this LEFT JOIN device ON device_id = identity \
             WHERE authority = ?1 AND (identity IS NULL OR id = \
             (SELECT max(id) FROM certificate AS other WHERE other.identity = this.identity)) ORDER BY identity, id"
        );
        let mut statement = self.connection.prepare_cached(&query).map_err(RegistryError::from)?;
        let mut rows = statement.query([authority.name()]).map_err(RegistryError::from)?;
        while let Some(row) = rows.next().map_err(RegistryError::from)? {
            let board_state = row.get("board_state").map_err(RegistryError::from)?;
            each(CertificateRecord::read(row, now)?, board_state)?;
        }
        Ok(())
    }

    /// The length of the longest name, in characters; for the width of a column.
    pub fn longest_name(&self) -> Result<usize, RegistryError> {
        let query = "SELECT ifnull(max(length(name)), 0) FROM identity";
        let length: i64 = self.connection.query_row(query, [], |row| row.get(0))?;
        Ok(usize::try_from(length).unwrap_or(0))
    }

    /// The identity that holds this public key, if it was ever certified; the broker's name is empty.
    pub fn holder_of_key(&self, spki: &Sha256) -> Result<Option<String>, RegistryError> {
        let query = "SELECT ifnull(identity, '') FROM certificate WHERE spki_sha256 = ?1";
        let mut statement = self.connection.prepare_cached(query)?;
        Ok(statement.query_row([spki.as_bytes()], |row| row.get(0)).optional()?)
    }

    /// A certificate, DER.
    pub fn certificate_der(&self, serial: &SerialNumber) -> Result<Option<Vec<u8>>, RegistryError> {
        let mut statement =
            self.connection.prepare_cached("SELECT der FROM certificate WHERE serial = ?1")?;
        Ok(statement.query_row([serial.as_bytes()], |row| row.get(0)).optional()?)
    }

    /// Whether a certificate of this serial number exists.
    pub fn has_serial(&self, serial: &SerialNumber) -> Result<bool, RegistryError> {
        let mut statement = self.connection.prepare_cached("SELECT 1 FROM certificate WHERE serial = ?1")?;
        Ok(statement.exists([serial.as_bytes()])?)
    }
}
