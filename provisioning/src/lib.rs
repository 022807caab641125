//! The factory side of Countersign: makes device certificates and credential images, and can prove later what was
//! made.
//!
//! Data flows one way: **order → key → certificate → verify → image → registry → crl.**
//!
//! | module | what it knows |
//! |---|---|
//! | [`fleet`] | where a fleet's files lie, and who may write to them now |
//! | [`order`], [`csr`] | what a factory is asked to make: lines of CSV, signing requests |
//! | [`key`] | keys: a device's, and a CA's at rest |
//! | [`profile`] | what certificates look like: named constants with reasons |
//! | [`authority`], [`issuer`] | the three CAs; the only holder of a CA key |
//! | [`grant`], [`certificate`] | what was decided to certify, and the certificate that says so |
//! | [`verify`] | every certificate is read again by other libraries before it leaves |
//! | [`image`] | what is flashed: `.bin`, `.hex`, `.uf2`, PEM |
//! | [`registry`] | devices, services and certificates in SQLite |
//! | [`delivery`] | files that appear only once the registry knows them |
//! | [`issuance`] | all of the above, in order, a group of devices at a time |
//! | [`crl`] | the registry's revocations, signed and published |
//! | [`founding`] | a new fleet |
//! | [`broker`] | what a broker host is given |
//! | [`inspect`] | what a file says |
//! | [`cli`] | the command line, and the only place that reads a clock, an environment or a terminal |
//!
//! What it never does: keep a device's private key anywhere but in the files it was asked for.

#![forbid(unsafe_code)]
#![warn(missing_docs, clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod authority;
pub mod broker;
pub mod certificate;
pub mod cli;
pub mod crl;
pub mod csr;
pub mod delivery;
pub mod digest;
pub mod fleet;
pub mod founding;
pub mod grant;
pub mod holder;
pub mod image;
pub mod inspect;
pub mod issuance;
pub mod issuer;
pub mod key;
pub mod order;
pub mod organization;
pub mod pem;
pub mod profile;
pub mod registry;
pub mod serial;
pub mod timestamp;
pub mod verify;
