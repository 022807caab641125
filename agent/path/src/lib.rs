//! Certificate paths (RFC 5280 §6) with a budget: what a peer that has proven nothing can make us compute is bounded.
//!
//! ```text
//! der ← names ← Certificate ← CaCertificate ← ConfiguredCas ← prove
//! ```
//!
//! [`ConfiguredCas`] holds the CAs that an operator trusts; [`ConfiguredCas::prove`] looks for a path from a peer's
//! certificate to one of its anchors. Signatures are verified by algorithms that are passed in; no TLS stack, no I/O, and no
//! clock is known here.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod alternative_name;
mod budget;
mod ca_certificate;
mod certificate;
mod configured_cas;
mod der;
mod distinguished_name;
mod end_entity;
#[cfg(any(test, feature = "for-test"))]
pub mod for_test;
mod hardware_module;
mod name_constraints;
mod path;
mod path_fault;
mod public_key;
mod purpose;
mod signature;

pub use alternative_name::AlternativeName;
pub use budget::{Budget, MAX_COST, MAX_PRESENTED, MAX_PRESENTED_OCTETS, MAX_SIGNATURE_CHECKS, Spent};
pub use ca_certificate::{CaCertificate, CaFault};
pub use certificate::{Certificate, Malformed, parse_x509};
pub use configured_cas::{ConfiguredCas, UNSTATED_PATH_LEN};
pub use distinguished_name::{DistinguishedName, attribute_type};
pub use end_entity::EndEntityFault;
pub use hardware_module::HardwareModuleName;
pub use name_constraints::NameConstraintFault;
pub use path::{PathCa, PathRequest, refuse_too_much};
pub use path_fault::PathFault;
pub use public_key::{KeyKind, MAX_PRESENTED_RSA_BITS, PublicKey, UnsupportedKey};
pub use purpose::Purpose;
pub use signature::Algorithms;

#[cfg(test)]
mod tests;
