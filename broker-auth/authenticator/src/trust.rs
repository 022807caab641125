//! Which CAs are trusted to vouch for clients, and whether a certificate is proven by them.
//!
//! A [`LoadedTrust`] is one `[[listener.trust]]`: its anchors, intermediates and revocation lists, read through a
//! [`TrustSource`]. [`verify_chain`] proves the chain that a client presents; [`recheck_chain`] judges a proven chain
//! again by what can have changed since: anchors, revocation, and the time.

mod ambiguity;
mod anchor;
mod chain;
mod chain_fault;
mod chain_result;
mod config;
mod crl;
mod crl_source;
mod end_entity;
mod error;
mod loaded_trust;
mod namespace;
mod ocsp_allow;
mod pem;
mod pins;
mod proven_paths;
mod report;
mod responder_url;
mod revocation;
mod signature_algorithms;
mod source;
#[cfg(test)]
mod specimen;
mod strict_pem;
mod trust_load;
mod verify;

pub use ambiguity::refuse_ambiguity;
pub use certificate_path::{Algorithms, EndEntityFault, PublicKey};
pub use chain::VerifiedChain;
pub use chain_result::{ChainResult, UnprovenChain};
pub use config::{CrlCheck, LegacyLeaf, OcspMode, Role, StaleCrl, TrustConfig, TrustName};
pub use crl::{CrlFault, CrlNumber, NewestCrl, NotACrlNumber, SignedCrl, unverified_next_update};
pub use crl_source::CrlSource;
pub use error::TrustError;
pub use loaded_trust::LoadedTrust;
pub use namespace::Namespace;
pub use ocsp_allow::OcspAllow;
pub use pem::{certificates, objects};
pub use pins::{Pin, Pins};
pub use report::{AnchorReport, CrlReport, Freshness, TrustReport, TrustSummary};
pub use responder_url::{NotAResponderUrl, ResponderUrl, Scheme};
pub use signature_algorithms::SIGNATURE_ALGORITHMS;
pub use source::{KeptCrl, TrustSource};
pub use trust_load::{StartedTrust, TrustLoad};
pub use verify::{FaultOrder, recheck_chain, verify_chain};
