//! [`Reason`], the closed list of reasons for a refusal, and [`Refusal`], which carries the evidence.

use std::fmt;
use std::str::FromStr;

use device_identity::Printable;

/// Why a connection, a publish or a subscribe was refused.
///
/// This list is closed: logs, `explain --json` and the events of the authenticator use these words and no others, so
/// an operator can alert on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The peer showed no certificate.
    NoCertificate,
    /// What was presented cannot be read, contradicts itself, or is more than is looked at.
    Malformed,
    /// A key, signature or critical extension that cannot be verified here, which does not say that it is false.
    Unsupported,
    /// No configured trust anchor issued the certificate, or none was found with the work that a stranger is worth.
    UnknownCa,
    /// A signature is not by the key that should have made it.
    BadSignature,
    /// The certificate, or one above it, has expired.
    Expired,
    /// The certificate, or one above it, has not begun.
    NotYetValid,
    /// The certificate was made for something else: a CA, a server, or a name that its CA may not vouch for.
    WrongUsage,
    /// The issuer revoked the certificate for good.
    Revoked,
    /// The issuer put the certificate on hold (CRL reason `certificateHold`).
    Suspended,
    /// The revocation list is too old, or missing, and the trust's policy does not accept that.
    StaleCrl,
    /// The certificate is proven, but yields no identity.
    UnmappedIdentity,
    /// No policy lets the client in, or one denies it.
    PolicyDenied,
    /// The certificate is proven, but is none of those that the trust is pinned to.
    NotPinned,
    /// The MQTT client id does not belong to the identity.
    ClientIdMismatch,
    /// The policy does not allow this topic or filter.
    TopicDenied,
    /// The registry does not know the device.
    NotRegistered,
    /// Too many connections or messages.
    RateLimited,
    /// The password or token that the policy asks for on top of the certificate is missing or wrong.
    SecondFactor,
    /// Nobody vouches by OCSP that the certificate is not revoked, and the trust asks for that.
    OcspUnavailable,
    /// The web origin that the client comes from is none that is let in.
    OriginRefused,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 21] = [
        Self::NoCertificate,
        Self::Malformed,
        Self::Unsupported,
        Self::UnknownCa,
        Self::BadSignature,
        Self::Expired,
        Self::NotYetValid,
        Self::WrongUsage,
        Self::Revoked,
        Self::Suspended,
        Self::StaleCrl,
        Self::UnmappedIdentity,
        Self::PolicyDenied,
        Self::NotPinned,
        Self::ClientIdMismatch,
        Self::TopicDenied,
        Self::NotRegistered,
        Self::RateLimited,
        Self::SecondFactor,
        Self::OcspUnavailable,
        Self::OriginRefused,
    ];

    /// The word for logs and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoCertificate => "no_certificate",
            Self::Malformed => "malformed",
            Self::Unsupported => "unsupported",
            Self::UnknownCa => "unknown_ca",
            Self::BadSignature => "bad_signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::WrongUsage => "wrong_usage",
            Self::Revoked => "revoked",
            Self::Suspended => "suspended",
            Self::StaleCrl => "stale_crl",
            Self::UnmappedIdentity => "unmapped_identity",
            Self::PolicyDenied => "policy_denied",
            Self::NotPinned => "not_pinned",
            Self::ClientIdMismatch => "client_id_mismatch",
            Self::TopicDenied => "topic_denied",
            Self::NotRegistered => "not_registered",
            Self::RateLimited => "rate_limited",
            Self::SecondFactor => "second_factor",
            Self::OcspUnavailable => "ocsp_unavailable",
            Self::OriginRefused => "origin_refused",
        }
    }
}

/// A word that is no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no reason for a refusal")]
pub struct NotAReason;

impl FromStr for Reason {
    type Err = NotAReason;

    fn from_str(word: &str) -> Result<Self, NotAReason> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word).ok_or(NotAReason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A refusal: the reason, the evidence, and whom it was about as far as that is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {evidence}")]
pub struct Refusal {
    /// The word from the closed list.
    pub reason: Reason,
    /// What was found, in a sentence for the operator. Text from the peer in it is escaped.
    pub evidence: String,
    /// The certificate it was about, if one was presented and could be read.
    pub certificate: Option<Box<RefusedCertificate>>,
    /// All that is said against the certificate is that another took its place (CRL reason `superseded`), with which the same
    /// identity comes back.
    pub is_superseded: bool,
}

/// Which certificate was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedCertificate {
    /// The subject (RFC 4514).
    pub subject: String,
    /// The serial number, lower-case hex.
    pub serial: String,
    /// SHA-256 of the DER, lower-case hex.
    pub fingerprint_sha256: String,
}

impl Refusal {
    /// A refusal with its evidence. Control characters in the evidence are escaped, so that a peer cannot forge a
    /// log line.
    pub fn new(reason: Reason, evidence: impl Into<String>) -> Self {
        Self {
            reason,
            evidence: Printable(&evidence.into()).to_string(),
            certificate: None,
            is_superseded: false,
        }
    }

    /// Whether a session ends with it, and what waits in it is dropped: a revoked device does not come back, and what waits for
    /// it is not for another holder of its key. Any other fault may pass.
    pub fn ends_session(&self) -> bool {
        self.reason == Reason::Revoked && !self.is_superseded
    }
}
