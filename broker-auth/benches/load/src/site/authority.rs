//! [`Authority`]: a CA, and what its certificates and lists say.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason,
    RevokedCertParams, SerialNumber, SigningKey as _,
};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);

/// A CA: its certificate, and its key.
pub(crate) struct Authority {
    pub(super) issuer: Issuer<'static, KeyPair>,
    pub(super) certificate: CertificateDer<'static>,
    pub(super) pem: String,
}

impl Authority {
    /// One below which no other CA may stand.
    pub(super) fn new(name: &str) -> Self {
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        Self::made_of(params)
    }

    /// One below which any path may lead, with an extension of `padding` bytes.
    pub(super) fn padded(name: &str, padding: usize) -> Self {
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let bytes = vec![0x04, 0x82]
            .into_iter()
            .chain(u16::try_from(padding).expect("a short extension").to_be_bytes())
            .chain(std::iter::repeat_n(0, padding))
            .collect();
        params.custom_extensions =
            vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 7], bytes)];
        Self::made_of(params)
    }

    /// Its certificate, in DER.
    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Signs with ECDSA on P-256 and SHA-256.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.issuer.key().sign(message).expect("ring signs")
    }

    fn made_of(mut params: CertificateParams) -> Self {
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.key_identifier_method = KeyIdMethod::Sha256;
        let key = KeyPair::generate().expect("ring makes keys");
        let certificate = params.self_signed(&key).expect("rcgen signs");
        Self {
            certificate: certificate.der().clone(),
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// Its list with this number, in PEM.
    pub(super) fn crl(&self, number: u64, revoked: impl Iterator<Item = u64>) -> String {
        let revoked_certs = revoked
            .map(|serial| RevokedCertParams {
                serial_number: SerialNumber::from(serial),
                revocation_time: now(),
                reason_code: Some(RevocationReason::KeyCompromise),
                invalidity_date: None,
            })
            .collect();
        let params = CertificateRevocationListParams {
            this_update: now() - Duration::from_secs(60),
            next_update: now() + 7 * DAY,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).expect("rcgen signs").pem().expect("rcgen writes PEM")
    }
}

/// What a certificate of an end entity says.
pub(super) fn end_entity(name: &str, serial: u64, purpose: ExtendedKeyUsagePurpose) -> CertificateParams {
    let mut params = named(name);
    params.serial_number = Some(SerialNumber::from(serial));
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    params.use_authority_key_identifier_extension = true;
    params
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::OrganizationName, "Acme");
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = now() - DAY;
    params.not_after = now() + 30 * DAY;
    params
}

pub(super) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc().replace_nanosecond(0).expect("zero is a number of nanoseconds")
}
