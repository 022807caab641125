//! Trust anchors: what makes a CA certificate fit to be one.

use super::certificate::{Certificate, UsageError};
use super::error::CertificateError;
use super::name::Name;
use super::validity::{Time, TimeError};
use crate::ecdsa::PublicKey;

/// A CA certificate that may be trusted: readable, of the profile, a CA, and allowed to sign certificates.
///
/// Its own signature means nothing, the image vouches for it. Its validity is checked whenever it is used.
#[derive(Clone, Copy, Debug)]
pub struct Anchor<'a> {
    certificate: Certificate<'a>,
}

/// Why a certificate is no trust anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// It cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// It may not issue certificates.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// It has no subject, by which issuers are looked up.
    #[error("it has no subject")]
    NoSubject,
}

impl<'a> Anchor<'a> {
    /// Reads and checks a DER certificate.
    pub fn new(der: &'a [u8]) -> Result<Self, AnchorError> {
        let certificate = Certificate::read(der)?;
        certificate.may_issue(0)?;
        if certificate.subject().is_empty() {
            return Err(AnchorError::NoSubject);
        }
        Ok(Self { certificate })
    }

    /// Its name, which is the issuer of what it issued.
    pub const fn name(&self) -> Name<'a> {
        self.certificate.subject()
    }

    /// Its key.
    pub const fn public_key(&self) -> PublicKey<'a> {
        self.certificate.public_key()
    }

    /// Does it hold at `time`?
    pub(crate) fn check_time(&self, time: Time) -> Result<(), TimeError> {
        self.certificate.validity().check(time)
    }

    /// May there be `between` CA certificates between it and the end-entity?
    pub(crate) fn check_path(&self, between: u8) -> Result<(), UsageError> {
        self.certificate.may_issue(between)
    }
}
