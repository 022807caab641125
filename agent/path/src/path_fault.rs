//! [`PathFault`]: why no path leads from a certificate to a configured anchor.

use rustls_pki_types::UnixTime;

use crate::budget::{MAX_PRESENTED, MAX_PRESENTED_OCTETS};
use crate::ca_certificate::CaFault;
use crate::name_constraints::NameConstraintFault;

/// Why no path leads from a certificate to a configured anchor. Of several reasons, the one that explains most.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// Nothing that is trusted has the name of the issuer.
    #[error("no trusted CA has the name of its issuer")]
    UnknownIssuer {
        /// Presented certificates that were not looked at, because no anchor allows that many CAs below it.
        not_looked_at: usize,
    },
    /// More signatures would have had to be checked than a peer that has proven nothing is worth.
    #[error(
        "no path to a trusted CA was found with {signature_checks} signature checks, and more are not made for one peer"
    )]
    BudgetExhausted {
        /// How many were checked.
        signature_checks: u32,
    },
    /// More certificates were presented than are looked at.
    #[error("{certificates} certificates came along, and more than {MAX_PRESENTED} are not looked at")]
    TooManyPresented {
        /// Certificates beside the peer's own.
        certificates: usize,
    },
    /// Longer certificates were presented than are looked at.
    #[error(
        "{octets} bytes of certificates were presented, and more than {MAX_PRESENTED_OCTETS} are not looked at"
    )]
    TooLongPresented {
        /// Octets of all, the peer's own included.
        octets: usize,
    },
    /// A CA of the right name is trusted, and its key did not sign the certificate.
    #[error("a CA called \"{issuer}\" is trusted, but its key did not sign \"{subject}\"")]
    SignatureMismatch {
        /// The subject of the certificate that it did not sign.
        subject: String,
        /// The subject of the CA.
        issuer: String,
    },
    /// The signature is of an algorithm that is not verified here.
    #[error("\"{subject}\" is signed by an algorithm that is not verified here: {algorithm}")]
    UnsupportedSignature {
        /// The subject of the certificate.
        subject: String,
        /// The algorithm.
        algorithm: String,
    },
    /// A presented certificate of the right name may not issue.
    #[error("the certificate \"{subject}\" that came along may not issue: {fault}")]
    UnfitCa {
        /// Its subject.
        subject: String,
        /// Why.
        fault: CaFault,
    },
    /// A CA of the path has expired.
    #[error("the CA {subject} has expired (notAfter {} in Unix seconds)", not_after.as_secs())]
    CaExpired {
        /// Its subject.
        subject: String,
        /// Whether it is the anchor.
        is_anchor: bool,
        /// Its last second.
        not_after: UnixTime,
    },
    /// A CA of the path has not begun.
    #[error("the CA {subject} is not valid yet (notBefore {} in Unix seconds)", not_before.as_secs())]
    CaNotYetValid {
        /// Its subject.
        subject: String,
        /// Whether it is the anchor.
        is_anchor: bool,
        /// Its first second.
        not_before: UnixTime,
    },
    /// A CA allows fewer CAs below it than the path has (RFC 5280 §4.2.1.9).
    #[error(
        "the CA {subject} allows {allowed} CA certificates below it (its path length constraint), and there are {found}"
    )]
    PathTooLong {
        /// The subject of the CA.
        subject: String,
        /// How many it allows.
        allowed: u32,
        /// How many there are.
        found: usize,
    },
    /// A CA may not issue for a name in the path.
    #[error("the CA {subject} did not vouch for this: {fault}")]
    NameConstraint {
        /// The subject of the CA.
        subject: String,
        /// Which, or why that is not known.
        fault: NameConstraintFault,
    },
}

impl PathFault {
    /// How much it explains: of two, the greater is told.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::UnknownIssuer { .. } => 0,
            Self::SignatureMismatch { .. } => 1,
            Self::UnfitCa { .. } => 2,
            Self::PathTooLong { .. } | Self::NameConstraint { .. } => 3,
            Self::CaExpired { .. } | Self::CaNotYetValid { .. } => 4,
            Self::UnsupportedSignature { .. } => 5,
            Self::BudgetExhausted { .. } => 6,
            Self::TooManyPresented { .. } | Self::TooLongPresented { .. } => 7,
        }
    }
}
