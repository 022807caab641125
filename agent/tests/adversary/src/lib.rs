//! Test doubles of a device's peers: certificates, images and a TLS server that are right unless a test changes them,
//! and reference implementations to compare verdicts with.
//!
//! | module | what it is |
//! |---|---|
//! | [`pki`] | CAs, certificates and images |
//! | [`forge`] | certificates taken apart, changed where no library would, and signed again |
//! | [`judge`] | the verdict of webpki and x509-parser on a chain |
//! | [`server`] | a TLS 1.3 server at the level of records, scripted by a test |
//! | [`keys`] | the key schedule of that server |
//! | [`random`] | random numbers, real or from a seed |
//!
//! It does not depend on the agent, so that the agent's tests and the fuzz targets can both use it.

#![forbid(unsafe_code)]
#![expect(clippy::new_without_default, reason = "each new one is another")]

pub mod forge;
pub mod judge;
pub mod keys;
pub mod pki;
pub mod random;
pub mod server;
