//! A small PKI, for tests.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use rustls_pki_types::UnixTime;
use time::OffsetDateTime;

use crate::certificate::PeerCertificate;

/// When these tests take place, in Unix seconds.
pub(crate) const TODAY: u64 = 1_750_000_000;

/// In seconds.
pub(crate) const DAY: u64 = 24 * 3600;

pub(crate) fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

pub(crate) fn date(seconds: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).unwrap()).unwrap()
}

fn bare(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date(TODAY - 10 * DAY), date(TODAY + 10 * DAY));
    params
}

/// A CA that may sign revocation lists.
pub(crate) fn ca(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = bare(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A client's certificate, altered before it is signed.
pub(crate) fn client(
    ca: &CertifiedIssuer<'static, KeyPair>,
    serial: u64,
    change: impl FnOnce(&mut CertificateParams),
) -> PeerCertificate {
    let mut params = bare("dev-1");
    params.serial_number = Some(SerialNumber::from(serial));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    change(&mut params);
    PeerCertificate::parse(params.signed_by(&KeyPair::generate().unwrap(), ca).unwrap().der()).unwrap()
}

/// A revocation list with this number, which revokes one certificate, or none.
pub(crate) fn crl(ca: &CertifiedIssuer<'static, KeyPair>, number: u64, revoked: Option<u64>) -> String {
    let revoked = revoked.map(|serial| RevokedCertParams {
        serial_number: SerialNumber::from(serial),
        revocation_time: date(TODAY - DAY),
        reason_code: None,
        invalidity_date: None,
    });
    CertificateRevocationListParams {
        this_update: date(TODAY),
        next_update: date(TODAY + 7 * DAY),
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs: revoked.into_iter().collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    }
    .signed_by(ca)
    .unwrap()
    .pem()
    .unwrap()
}
