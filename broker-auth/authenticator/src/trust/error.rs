//! Why trust cannot be loaded.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::config::TrustName;
use super::crl::CrlFault;
use super::crl_source::CrlSource;
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
    /// The same about a file that is fetched from a URL.
    #[error("{source}; it is fetched from {url}")]
    Fetched {
        /// The URL.
        url: String,
        /// What is wrong.
        source: Box<Self>,
    },
    /// An issuer's certificates are to be checked against a revocation list, and there is none.
    #[error("trust {trust}: no revocation list of {issuer}")]
    NoCrl {
        /// Whose.
        trust: TrustName,
        /// The issuer's subject.
        issuer: String,
    },
    /// The lists of an issuer are those of distribution points, and one of these has none.
    #[error("trust {trust}: no revocation list of {issuer} for the distribution point {url}")]
    NoDistributionPoint {
        /// Whose.
        trust: TrustName,
        /// The issuer's subject.
        issuer: String,
        /// Which `crl-idp`.
        url: String,
    },
}

impl TrustError {
    /// The same with its URL, if it is about a file that was fetched for one of `sources`.
    pub(super) fn of_fetched(self, sources: &[CrlSource]) -> Self {
        let url = self.file().and_then(|file| sources.iter().find_map(|source| source.url_of(file)));
        match url.map(str::to_owned) {
            Some(url) => Self::Fetched { url, source: Box::new(self) },
            None => self,
        }
    }

    /// The file that it is about.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Read { file, .. }
            | Self::Empty { file, .. }
            | Self::Authority { file, .. }
            | Self::AnchorNotCurrent { file, .. }
            | Self::NoCrlSign { file, .. }
            | Self::Crl { file, .. } => Some(file),
            Self::Fetched { source, .. } => source.file(),
            Self::Ambiguous { .. } | Self::NoCrl { .. } | Self::NoDistributionPoint { .. } => None,
        }
    }

    /// Whether it may pass without a change of the files: they could not be read or written, or the clock is wrong.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Fetched { source, .. } => source.may_pass(),
            _ => matches!(self, Self::Read { .. } | Self::Crl { fault: CrlFault::NotYetIssued { .. }, .. }),
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
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
            Self::Crl { fault, .. } => return fault.help(),
            Self::Fetched { source, .. } if matches!(**source, Self::Read { .. }) => {
                "a running broker fetches it: status says when, and what came of it"
            }
            Self::Fetched { source, .. } => return source.help(),
            Self::NoCrl { .. } => "add the list of that CA to `crl`, or set crl-check = \"off\"",
            Self::NoDistributionPoint { .. } => {
                "add the list with that URL to `crl`, or remove the URL from `crl-idp` if there is no such list"
            }
        })
    }
}
