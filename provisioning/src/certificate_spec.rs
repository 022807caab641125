//! [`CertificateSpec`]: what an end-entity certificate is to say, before it exists.

use crate::certificate_subject::CertificateSubject;
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
