//! What `[[listener.trust]]` says, parsed.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::crl_source::CrlSource;
use super::namespace::Namespace;
use super::ocsp_allow::OcspAllow;
use super::pins::Pins;
use crate::certificate::NameText;

/// The name of a trust, as policies refer to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrustName(Arc<str>);

impl TrustName {
    /// The trust called `name`.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrustName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One set of anchors with its revocation lists. All paths are absolute, or relative to the working directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustConfig {
    /// How policies call it.
    pub name: TrustName,
    /// What its certificates' names belong to.
    pub namespace: Namespace,
    /// What its certificates stand for.
    pub role: Role,
    /// PEM or DER files of CA certificates. Devices send the leaf alone, so these are the issuing CAs.
    pub anchors: Vec<PathBuf>,
    /// PEM or DER files of CA certificates between the anchors and the leaves.
    pub intermediates: Vec<PathBuf>,
    /// Files, folders and URLs of revocation lists.
    pub crl: Vec<CrlSource>,
    /// The URIs of the distribution points (RFC 5280 §5.2.5) whose lists, together, are all there is of its issuers.
    pub crl_idp: Vec<String>,
    /// Which certificates must be covered by a revocation list.
    pub crl_check: CrlCheck,
    /// What happens once a revocation list is older than `nextUpdate` + `stale_grace`.
    pub stale_crl: StaleCrl,
    /// How long after `nextUpdate` a revocation list still counts.
    pub stale_grace: Duration,
    /// What becomes of client certificates that claim what only a CA may have.
    pub legacy_leaf: LegacyLeaf,
    /// What an OCSP responder must say of certificates.
    pub ocsp: OcspMode,
    /// The responders that may be asked; empty where none is.
    pub ocsp_allow: Vec<OcspAllow>,
    /// The certificates that are let in; empty: all that are proven.
    pub pins: Pins,
    /// The CAs whose certificates are let in; empty: those of every CA of the trust.
    pub issuers: Vec<NameText>,
    /// How many CA certificates may stand between a client's and the anchor; `None`: as many as the CAs allow.
    pub depth: Option<usize>,
}

/// What becomes of client certificates that have keyCertSign or name constraints and are no CA's (RFC 5280 §4.2.1.3,
/// §4.2.1.10): some tools have written them into certificates that are in the field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LegacyLeaf {
    /// They are refused.
    #[default]
    Refuse,
    /// They are let in.
    Warn,
}

/// What an OCSP responder (RFC 6960) must say of the certificates of a trust.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OcspMode {
    /// Nothing: nobody is asked.
    #[default]
    Off,
    /// Nothing bad: a certificate that is revoked, or unknown, is refused; where there is no answer, revocation lists decide.
    Prefer,
    /// That they are good.
    Require,
}

/// What the certificates of a trust stand for. A service is no device: it owns no device's topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Devices; the default.
    Device,
    /// Back-end clients; the default for a trust called `service-ca`.
    Service,
}

/// Which certificates of a path are looked up in revocation lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrlCheck {
    /// None.
    Off,
    /// The client's own.
    Leaf,
    /// The client's own, and every intermediate up to the anchor.
    Chain,
}

/// What a revocation list that is too old means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaleCrl {
    /// New clients are refused; live sessions go on.
    DenyNew,
    /// New clients are refused, and live sessions are closed.
    DenyAll,
    /// Clients are admitted as before; the log carries an error.
    Alarm,
}

impl Role {
    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Service => "service",
        }
    }
}

impl CrlCheck {
    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Leaf => "leaf",
            Self::Chain => "chain",
        }
    }
}

impl OcspMode {
    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Prefer => "prefer",
            Self::Require => "require",
        }
    }
}

impl LegacyLeaf {
    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Warn => "warn",
        }
    }
}

impl StaleCrl {
    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DenyNew => "deny-new",
            Self::DenyAll => "deny-all",
            Self::Alarm => "alarm",
        }
    }
}
