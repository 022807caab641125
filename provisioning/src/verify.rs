//! Checking every certificate, with other libraries than the one that wrote it, before it is used.
//!
//! x509-parser reads the certificate and rustls-webpki builds its path. This module does not import `certificate`: it
//! states independently what a certificate must say.

mod chain;
mod end_entity;
mod extensions;
mod issued;

pub(crate) use chain::{Chain, ChainError, ChainFault};
pub(crate) use end_entity::{VerifiedCertificate, VerifyError};
pub(crate) use issued::IssuedCertificate;
