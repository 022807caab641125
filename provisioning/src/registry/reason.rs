//! [`RevocationReason`]: why a certificate is listed in a CRL.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// Why a certificate is listed in a CRL (RFC 5280 §5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RevocationReason {
    /// No reason was given.
    Unspecified,
    /// The private key is known to others, or may be.
    KeyCompromise,
    /// The private key of the CA is known to others, or may be.
    CaCompromise,
    /// The subject's name or organization changed.
    AffiliationChanged,
    /// Another certificate replaced it.
    Superseded,
    /// The certificate is no longer needed.
    CessationOfOperation,
    /// The certificate is suspended.
    CertificateHold,
    /// A privilege of the subject was withdrawn.
    PrivilegeWithdrawn,
    /// The private key of an attribute authority is known to others.
    AaCompromise,
}

impl RevocationReason {
    /// The reasons of a revocation. `certificateHold` is the reason of a suspension, and `removeFromCRL` occurs in
    /// delta CRLs, which this program does not make.
    pub(crate) const PERMANENT: [Self; 8] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// The name in RFC 5280 §5.3.1.
    pub(crate) fn name(self) -> &'static str {
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

    /// The reason of this code in RFC 5280 §5.3.1.
    pub(crate) fn by_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Unspecified),
            1 => Some(Self::KeyCompromise),
            2 => Some(Self::CaCompromise),
            3 => Some(Self::AffiliationChanged),
            4 => Some(Self::Superseded),
            5 => Some(Self::CessationOfOperation),
            6 => Some(Self::CertificateHold),
            9 => Some(Self::PrivilegeWithdrawn),
            10 => Some(Self::AaCompromise),
            _ => None,
        }
    }
}

/// No reason has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such revocation reason")]
pub(crate) struct NoSuchReason;

impl FromStr for RevocationReason {
    type Err = NoSuchReason;

    fn from_str(text: &str) -> Result<Self, NoSuchReason> {
        let all = Self::PERMANENT.into_iter().chain([Self::CertificateHold]);
        all.into_iter().find(|reason| reason.name() == text).ok_or(NoSuchReason)
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for RevocationReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
