//! [`OcspAnswer`]: what a CA says of one of its certificates, proven and for a while.

use std::fmt;

use rustls_pki_types::UnixTime;

use crate::certificate::{Fingerprint, RevocationReason, Serial, timestamp};
use crate::trust::VerifiedChain;

/// What the CA of a certificate, or its delegate, has signed about it. Made by [`super::judge`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspAnswer {
    pub(super) issuer: Fingerprint,
    pub(super) serial: Serial,
    pub(super) status: OcspStatus,
    pub(super) this_update: UnixTime,
    pub(super) valid_until: UnixTime,
    pub(super) delegate: Option<Serial>,
}

/// The status of a certificate (RFC 6960 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspStatus {
    /// It is not revoked.
    Good,
    /// It is revoked, for good or, by the reason `certificateHold`, for now.
    Revoked {
        /// When the CA revoked it.
        at: UnixTime,
        /// Why; without a reason it is unspecified.
        reason: RevocationReason,
    },
    /// The responder does not know it.
    Unknown,
}

impl OcspAnswer {
    /// What somebody who asks about a client supposes its CA to say. No broker lets anybody in by it.
    pub fn supposed(chain: &VerifiedChain, status: OcspStatus, now: UnixTime) -> Self {
        let (issuer, serial) = (chain.issuer().authority(), *chain.leaf().serial());
        Self { issuer, serial, status, this_update: now, valid_until: now, delegate: None }
    }

    /// The status of the certificate.
    pub fn status(&self) -> OcspStatus {
        self.status
    }

    /// When the status was known to be so (thisUpdate).
    pub fn this_update(&self) -> UnixTime {
        self.this_update
    }

    /// The last second that it counts: its nextUpdate or, without one, an hour after its thisUpdate; never longer than a
    /// week after it was signed.
    pub fn valid_until(&self) -> UnixTime {
        self.valid_until
    }

    /// The serial number of the certificate by which the CA delegated signing, if it did not sign itself.
    pub fn delegate(&self) -> Option<&Serial> {
        self.delegate.as_ref()
    }

    /// Whether it counts at `now`. That a certificate is revoked for good stays so when the answer has ended: nobody gets in
    /// again by keeping the responder silent.
    pub fn counts_at(&self, now: UnixTime) -> bool {
        let is_final = matches!(self.status, OcspStatus::Revoked { reason, .. } if reason != RevocationReason::CertificateHold);
        is_final || now <= self.valid_until
    }

    /// Whether it is about the leaf of `chain`.
    pub fn is_about(&self, chain: &VerifiedChain) -> bool {
        self.issuer == chain.issuer().authority() && self.serial == *chain.leaf().serial()
    }
}

impl fmt::Display for OcspStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => f.write_str("good"),
            Self::Revoked { at, reason: reason @ RevocationReason::CertificateHold } => {
                write!(f, "on hold since {} ({})", timestamp(*at), reason.as_str())
            }
            Self::Revoked { at, reason } => write!(f, "revoked at {} ({})", timestamp(*at), reason.as_str()),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}
