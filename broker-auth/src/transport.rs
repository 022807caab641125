//! Who may vouch for a client: trust anchors, revocation lists, and the TLS configuration made of them.
//!
//! A [`TrustStore`] holds the trusts of one listener and is swapped as a whole while connections go on. It judges a
//! presented chain ([`TrustStore::verify`]) and, for as long as a session lives, the proof it rests on
//! ([`TrustStore::recheck`]). Before trust is loaded nobody gets in.
#![cfg_attr(
    not(test),
    warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)
)]

mod ambiguity;
mod anchor;
mod chain;
mod clock;
mod config;
mod crl;
mod error;
mod path;
mod pem;
mod report;
mod server_certificate;
mod server_config;
#[cfg(test)]
pub(crate) mod specimen;
mod store;
mod trusted;
mod verdict;
mod watch;

pub use chain::VerifiedChain;
pub use clock::{Clock, FixedClock, SystemClock};
pub use config::{CrlCheck, Role, StaleCrl, TlsVersions, TrustConfig, TrustName};
pub use crl::{CrlFault, CrlNumber, CrlNumbers, CrlNumbersError};
pub use error::TrustError;
pub(crate) use pem::read_certificates;
pub use report::{AnchorReport, CrlReport, Freshness, ReloadReport, TrustReport, TrustSummary};
pub use server_certificate::{ServerCertificate, ServerCertificateError};
pub use server_config::{MAX_RECORD_LEN, connection_config, server_config};
pub use store::TrustStore;
pub use verdict::Verdict;
pub use watch::watch;
