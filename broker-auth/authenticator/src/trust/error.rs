//! Why trust cannot be loaded.

use std::path::PathBuf;

use super::config::TrustName;
use super::crl::CrlFault;
use crate::certificate::AuthorityFault;

/// Why the trusts of a listener cannot be loaded. What was loaded before stays.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file cannot be read, or is too large to be what it should be.
    #[error("trust {trust}: cannot read {}: {source}", file.display())]
    Read {
        /// Whose.
        trust: TrustName,
        /// Which.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file holds nothing of the kind it is configured for.
    #[error("trust {trust}: {} holds no {what}", file.display())]
    Empty {
        /// Whose.
        trust: TrustName,
        /// Which.
        file: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// A certificate may not stand as a CA.
    #[error("trust {trust}: {} cannot be an anchor or intermediate: {fault}", file.display())]
    Authority {
        /// Whose.
        trust: TrustName,
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        fault: AuthorityFault,
    },
    /// An anchor is not valid now.
    #[error("trust {trust}: the anchor {subject} in {} {state} at {time}", file.display())]
    AnchorNotCurrent {
        /// Whose.
        trust: TrustName,
        /// Which file.
        file: PathBuf,
        /// Its subject.
        subject: String,
        /// "expired", or "begins only".
        state: &'static str,
        /// When (RFC 3339).
        time: String,
    },
    /// One authority stands in two trusts, or one trust's anchor was issued by another's.
    #[error(
        "the anchor {subject} of trust {trust} is also vouched for by trust {other}: a certificate could be judged by \
         the rules of either"
    )]
    Ambiguous {
        /// The one trust.
        trust: TrustName,
        /// The other.
        other: TrustName,
        /// The anchor's subject.
        subject: String,
    },
    /// Revocation is to be checked for certificates of an issuer whose key usage does not allow signing CRLs.
    #[error(
        "trust {trust}: the anchor {subject} in {} may not sign revocation lists (its key usage lacks cRLSign), but \
         crl-check is not off", file.display()
    )]
    NoCrlSign {
        /// Whose.
        trust: TrustName,
        /// Which file.
        file: PathBuf,
        /// Its subject.
        subject: String,
    },
    /// A revocation list is refused, and there is no earlier one that could stay.
    #[error("trust {trust}: {} is refused: {fault}", file.display())]
    Crl {
        /// Whose.
        trust: TrustName,
        /// Which.
        file: PathBuf,
        /// Why.
        fault: CrlFault,
    },
    /// An issuer's certificates are to be checked against a revocation list, and there is none.
    #[error("trust {trust}: no revocation list of {issuer}")]
    NoCrl {
        /// Whose.
        trust: TrustName,
        /// The issuer's subject.
        issuer: String,
    },
}

impl TrustError {
    /// Whether it may pass without a change of the files: they could not be read or written, or the clock is wrong.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::Crl { fault: CrlFault::NotYetIssued { .. }, .. })
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Read { .. } => {
                "check the path and its permissions; paths are relative to the configuration"
            }
            Self::Empty { .. } => "name a PEM or DER file of that kind",
            Self::Authority { .. } => {
                "an anchor is the certificate of the CA that issues the client certificates"
            }
            Self::AnchorNotCurrent { .. } => "check the clock of this host, or replace the CA",
            Self::Ambiguous { .. } => "give each trust CAs of its own",
            Self::NoCrlSign { .. } => "issue the CA certificate with cRLSign, or set crl-check = \"off\"",
            Self::Crl { fault: CrlFault::Older { .. }, .. } => {
                "put the newest list in place; only if the CA itself was rolled back, delete broker/crl-numbers.json"
            }
            Self::Crl { .. } => "have the CA sign a fresh list: countersign-provision crl",
            Self::NoCrl { .. } => "add the list of that CA to `crl`, or set crl-check = \"off\"",
        }
    }
}
