//! [`Certifier`]: the one way from a subject to its certificate.

use ring::rand::SecureRandom;

use super::IssuanceError;
use crate::certificate_spec::CertificateSpec;
use crate::certificate_subject::CertificateSubject;
use crate::csr::SigningRequest;
use crate::image::chain_pem;
use crate::issuer::Issuer;
use crate::key::{KeyPair, KeyPairError, P256PublicKey};
use crate::organization::Organization;
use crate::pem::PemError;
use crate::profile::Validity;
use crate::serial::SerialNumber;
use crate::timestamp::Timestamp;
use crate::verify::VerifiedCertificate;

/// Makes certificates under one issuing CA, of one organization and one validity.
pub(crate) struct Certifier<'a> {
    /// The issuing CA.
    pub(crate) issuer: &'a Issuer,
    /// The O attribute.
    pub(crate) organization: Organization,
    /// `notBefore` and `notAfter` of every certificate.
    pub(crate) validity: Validity,
    /// The source of keys and serial numbers.
    pub(crate) rng: &'a (dyn SecureRandom + Sync),
    /// The current time.
    pub(crate) now: Timestamp,
}

impl Certifier<'_> {
    /// Generates a key pair and certifies it.
    pub(crate) fn certify_new_key(
        &self,
        subject: CertificateSubject,
    ) -> Result<(VerifiedCertificate, KeyPair), IssuanceError> {
        let key = KeyPair::generate(self.rng)?;
        Ok((self.certify(subject, key.public())?, key))
    }

    /// Certifies the public key of a signing request, whose private key stays where it is.
    pub(crate) fn certify_request(
        &self,
        subject: CertificateSubject,
        request: &SigningRequest,
    ) -> Result<VerifiedCertificate, IssuanceError> {
        self.certify(subject, request.public_key())
    }

    fn certify(
        &self,
        subject: CertificateSubject,
        public_key: &P256PublicKey,
    ) -> Result<VerifiedCertificate, IssuanceError> {
        let spec = CertificateSpec {
            subject,
            organization: self.organization.clone(),
            public_key: public_key.clone(),
            validity: self.validity,
            serial: SerialNumber::generate(self.rng).map_err(|_| KeyPairError::Random)?,
        };
        Ok(self.issuer.issue(&spec, self.now)?)
    }

    /// The certificate file: the leaf, then the issuing certificate.
    pub(crate) fn chain_pem(&self, certificate: &VerifiedCertificate) -> Result<String, PemError> {
        chain_pem(certificate.der(), self.issuer.chain().issuing())
    }
}
