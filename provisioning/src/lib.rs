//! The factory side of Countersign: issues device certificates and credential images, and records what was issued.
//!
//! Data flows one way: **order → key → certificate → verify → image → registry → crl.** A device's private key is in
//! the files that were asked for, and nowhere else.
//!
//! | module | content |
//! |---|---|
//! | [`cli`] | the command line; the only module that reads the clock, the environment or the terminal |
//! | `init` | a new fleet |
//! | `backup` | a fleet in one file, and a fleet from it again |
//! | `reconcile` | what certificates, images and lists say, back into the registry |
//! | `issuance` | issuing credentials, for the devices of an order or for one subject |
//! | `convert` | the files of a device in another format |
//! | `delivery` | files that appear only once the registry knows their certificates |
//! | `conflict` | what exists already and stands in the way of new credentials |
//! | `crl` | the revocations in the registry, signed and published |
//! | `image` | what is flashed: `.bin`, `.hex`, `.uf2`, and PEM files |
//! | `registry` | devices, services and certificates in SQLite |
//! | `issuer`, [`authority`] | the issuing CAs and their keys; the three authorities |
//! | `certificate`, `verify` | writing certificates, and checking them independently |
//! | `certificate_spec`, `certificate_subject` | what a certificate is to say, and whom it is for |
//! | `order`, `csr` | what is to be issued: CSV lines, signing requests |
//! | `profile` | lifetimes and path lengths |
//! | `broker` | the broker's host names, its configuration, and the files its host needs |
//! | `inspect` | reading a credential file for a person |
//! | `lint` | checking certificates, requests and CRLs clause by clause |
//! | [`fleet`] | the paths, locks and files of a fleet directory |
//! | [`key`] | keys of devices, and keys of CAs at rest |
//! | `pem`, `der`, `digest`, `serial`, `organization`, `country`, `timestamp` | values |
//! | `spelling`, `tally` | texts as people mean them; lists that may be long |

#![forbid(unsafe_code)]
#![warn(missing_docs, clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod authority;
mod backup;
mod broker;
mod certificate;
mod certificate_spec;
mod certificate_subject;
pub mod cli;
mod conflict;
mod convert;
mod country;
mod crl;
mod csr;
mod delivery;
mod der;
mod digest;
pub mod fleet;
mod image;
mod init;
mod inspect;
mod issuance;
mod issuer;
pub mod key;
mod lint;
mod order;
mod organization;
mod pem;
mod profile;
mod reconcile;
mod registry;
mod serial;
mod spelling;
mod tally;
mod timestamp;
mod verify;
