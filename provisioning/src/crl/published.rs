//! [`PublishedCrl`]: a list that is in its place, and was signed by this CA.

use std::fs;
use std::io;
use std::path::Path;

use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::{CertificateRevocationList, RevokedCertificate};
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::fleet::{ReadError, read_regular};
use crate::pem::{self, Label};
use crate::registry::{CrlState, RevocationReason, RevokedEntry};
use crate::serial::ListedSerial;
use crate::timestamp::Timestamp;
use crate::verify::Chain;

/// The longest list that is read, in bytes: one of a million entries has 49 MB, in PEM 66.
const MAX_CRL_LEN: usize = 128 * 1024 * 1024;

/// The highest number that a list may have for others to follow. Seconds since 1970 will not reach it.
const MAX_NUMBER: u64 = 1 << 62;

/// The reason code of an entry that a delta CRL takes off (RFC 5280 §5.3.1).
const REMOVE_FROM_CRL: u8 = 8;

/// A list that is in its place, and was signed by this CA.
#[derive(Debug)]
pub(crate) struct PublishedCrl {
    state: CrlState,
    entries: Vec<RevokedEntry>,
}

/// Why a file in the place of a list is no list of this CA.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CrlFileFault {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(io::Error),
    /// A directory, a pipe or a device.
    #[error("it is no regular file")]
    Kind,
    /// Longer than any list.
    #[error("it is longer than any list: more than {limit} bytes")]
    TooLong {
        /// The most that a list has.
        limit: usize,
    },
    /// Not one CRL.
    #[error("it is no CRL, or a damaged one")]
    Damaged,
    /// Signed by another CA or with another key, or changed after it was signed.
    #[error("this fleet's CA did not sign it")]
    Signature,
    /// A number that no later list could follow.
    #[error("its number leaves no room for later lists")]
    Number,
}

impl From<ReadError> for CrlFileFault {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io(error) => Self::Read(error),
            ReadError::TooLong { limit } => Self::TooLong { limit },
            ReadError::NotAFile { .. } | ReadError::Outside => Self::Kind,
        }
    }
}

impl PublishedCrl {
    /// Reads the list in this place; `None` if nothing is there.
    pub(crate) fn read(path: &Path, chain: &Chain) -> Result<Option<Self>, CrlFileFault> {
        let bytes = match read_regular(path, MAX_CRL_LEN) {
            Ok(bytes) => bytes,
            // A link to nothing is no list, and is something.
            Err(ReadError::Io(error))
                if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(path).is_err() =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        if !pem::is_pem(&bytes) {
            return Self::parse(&bytes, chain).map(Some);
        }
        let mut sections = pem::decode(&bytes).map_err(|_| CrlFileFault::Damaged)?;
        match (sections.pop(), sections.is_empty()) {
            (Some(section), true) if section.label == Label::Crl => {
                Self::parse(&section.der, chain).map(Some)
            }
            _ => Err(CrlFileFault::Damaged),
        }
    }

    /// Reads DER, and checks the signature.
    fn parse(der: &[u8], chain: &Chain) -> Result<Self, CrlFileFault> {
        let Ok(([], crl)) = CertificateRevocationList::from_der(der) else {
            return Err(CrlFileFault::Damaged);
        };
        let spki = chain.public_key().spki();
        let Ok(([], key)) = SubjectPublicKeyInfo::from_der(&spki) else {
            return Err(CrlFileFault::Signature);
        };
        if crl.issuer().as_raw() != chain.subject() || crl.verify_signature(&key).is_err() {
            return Err(CrlFileFault::Signature);
        }
        // Without a number, it is older than any list of this program.
        let number = crl.crl_number().map_or(Ok(0), |number| {
            u64::try_from(number).ok().filter(|number| *number <= MAX_NUMBER).ok_or(CrlFileFault::Number)
        })?;
        let this_update = Timestamp::from_signed(crl.last_update().timestamp());
        let next_update =
            crl.next_update().map_or(this_update, |next| Timestamp::from_signed(next.timestamp()));
        Ok(Self {
            state: CrlState { number, this_update, next_update },
            entries: crl.iter_revoked_certificates().filter_map(entry).collect(),
        })
    }

    /// Its number and dates.
    pub(crate) fn state(&self) -> CrlState {
        self.state
    }

    /// What it lists.
    pub(crate) fn entries(&self) -> &[RevokedEntry] {
        &self.entries
    }
}

/// An entry; `None` if it revokes nothing: its number belongs to no certificate, or it takes an entry off.
fn entry(revoked: &RevokedCertificate<'_>) -> Option<RevokedEntry> {
    let code = revoked.reason_code().map(|(_, code)| code.0);
    if code == Some(REMOVE_FROM_CRL) {
        return None;
    }
    Some(RevokedEntry {
        serial: ListedSerial::from_content(revoked.raw_serial())?,
        revoked_at: Timestamp::from_signed(revoked.revocation_date.timestamp()),
        reason: code.and_then(RevocationReason::by_code).unwrap_or(RevocationReason::Unspecified),
    })
}
