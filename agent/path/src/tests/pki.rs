//! A small PKI for tests.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SerialNumber,
};
use rustls_pki_types::{SignatureVerificationAlgorithm, UnixTime};
use time::OffsetDateTime;

use crate::for_test::Counting;
use crate::*;

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

/// A CA with its key.
pub(crate) struct Ca {
    pub(crate) params: CertificateParams,
    pub(crate) key: KeyPair,
    pub(crate) der: Vec<u8>,
}

pub(crate) fn bare(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date(TODAY - 10 * DAY), date(TODAY + 10 * DAY));
    params.serial_number = Some(SerialNumber::from(1u64));
    params
}

pub(crate) fn ca_params(name: &str) -> CertificateParams {
    let mut params = bare(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

pub(crate) fn leaf_params(name: &str) -> CertificateParams {
    let mut params = bare(name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

impl Ca {
    pub(crate) fn root(name: &str) -> Self {
        Self::self_signed(ca_params(name))
    }

    pub(crate) fn self_signed(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self { params, key, der }
    }

    pub(crate) fn below(&self, params: CertificateParams) -> Self {
        self.certify(params, KeyPair::generate().unwrap())
    }

    pub(crate) fn certify(&self, params: CertificateParams, key: KeyPair) -> Self {
        let der = params.signed_by(&key, &self.issuer()).unwrap().der().to_vec();
        Self { params, key, der }
    }

    pub(crate) fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }

    /// A client's certificate.
    pub(crate) fn client(&self, change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = leaf_params("dev-1");
        change(&mut params);
        params.signed_by(&KeyPair::generate().unwrap(), &self.issuer()).unwrap().der().to_vec()
    }
}

static ALGORITHMS: [&dyn SignatureVerificationAlgorithm; 1] = [&Counting(webpki::ring::ECDSA_P256_SHA256)];

/// ECDSA on P-256 with SHA-256, counted.
pub(crate) static COUNTING: Algorithms<'static> = &ALGORITHMS;

pub(crate) fn configured(anchors: &[&[u8]], intermediates: &[&[u8]]) -> ConfiguredCas {
    let read =
        |ders: &[&[u8]]| ders.iter().map(|der| CaCertificate::parse(der, Purpose::Client).unwrap()).collect();
    ConfiguredCas::new(read(anchors), read(intermediates), COUNTING)
}

/// What comes of a client's certificates, and how many signatures were verified to find it.
pub(crate) fn prove(
    configured: &ConfiguredCas,
    leaf: &[u8],
    presented: &[&[u8]],
) -> (Result<Vec<PathCa>, PathFault>, u32) {
    let end_entity = Certificate::parse(leaf).unwrap();
    let request = PathRequest {
        end_entity: &end_entity,
        presented,
        purpose: Purpose::Client,
        now: at(TODAY),
        algorithms: COUNTING,
    };
    let mut budget = Budget::new();
    let (result, verified) = Counting::during(|| configured.prove(&request, &mut budget));
    assert_eq!(budget.spent().signature_checks, verified, "what is counted is what is done");
    assert!(verified <= MAX_SIGNATURE_CHECKS && budget.spent().cost <= MAX_COST);
    (result, verified)
}
