//! Every certificate is read again, by other libraries than the one that wrote it, before it leaves.
//!
//! x509-parser reads it and rustls-webpki builds the path to the root. This module does not import `certificate`: it
//! states on its own what a certificate must say.

mod chain;
mod end_entity;
mod extensions;

pub use chain::{Chain, ChainError, ChainFault};
pub use end_entity::{VerifiedCertificate, VerifyError};
