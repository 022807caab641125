//! [`CertificateSpec`] and [`CaNames`]: what an end-entity certificate is to say, and what a CA is to be called,
//! before there is a certificate.

use crate::certificate_subject::CertificateSubject;
use crate::country::Country;
use crate::key::P256PublicKey;
use crate::organization::Organization;
use crate::profile::Validity;
use crate::serial::SerialNumber;

/// What an end-entity certificate is to say. Built from orders and the registry; a signing request contributes its
/// public key alone.
///
/// `certificate` writes a certificate to this specification. `verify`, which knows nothing of `certificate`, checks
/// that the certificate says this and nothing else.
#[derive(Clone, Debug)]
pub(crate) struct CertificateSpec {
    /// Whose certificate it is.
    pub(crate) subject: CertificateSubject,
    /// The O attribute.
    pub(crate) organization: Organization,
    /// The certified key.
    pub(crate) public_key: P256PublicKey,
    /// `notBefore` and `notAfter`.
    pub(crate) validity: Validity,
    /// The serial number.
    pub(crate) serial: SerialNumber,
}

/// What the names of a fleet's CAs have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CaNames<'a> {
    /// The O attribute.
    pub(crate) organization: &'a Organization,
    /// The C attribute. The IoT profile wants one; without it, `lint` says so.
    pub(crate) country: Option<Country>,
}
