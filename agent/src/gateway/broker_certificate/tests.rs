//! How much a stranger that answers in the broker's place can have a gateway compute, in signatures.

use std::time::Duration;

use certificate_path::for_test::Counting;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair};
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::crypto::ring::default_provider;

use super::*;

static P256: Counting = Counting(webpki::ring::ECDSA_P256_SHA256);

static COUNTING: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[&P256],
    mapping: &[(SignatureScheme::ECDSA_NISTP256_SHA256, &[&P256])],
};

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn ca(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn broker(ca: &CertifiedIssuer<'static, KeyPair>) -> CertificateDer<'static> {
    let mut params = params("broker");
    params.subject_alt_names = vec![rcgen::SanType::DnsName("localhost".try_into().unwrap())];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.signed_by(&KeyPair::generate().unwrap(), ca).unwrap().der().clone()
}

#[test]
fn a_stranger_with_many_cas_of_one_name_costs_few_signatures() {
    let own = ca("Broker CA");
    let provider =
        Arc::new(CryptoProvider { signature_verification_algorithms: COUNTING, ..default_provider() });
    let name = ServerName::try_from("localhost").unwrap();
    let verifier = BrokerVerifier::new(name.clone(), &[own.der().clone()], &provider).unwrap();
    // A date within the validity of all of them.
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_900_000_000));
    let verify = |leaf: &CertificateDer<'_>, presented: &[CertificateDer<'_>]| {
        Counting::during(|| verifier.verify_server_cert(leaf, presented, &name, &[], now).is_ok())
    };
    assert_eq!(verify(&broker(&own), &[own.der().clone()]), (true, 1));
    let strangers: Vec<_> = (0..8).map(|_| ca("Broker CA")).collect();
    let presented: Vec<_> = strangers.iter().map(|stranger| stranger.der().clone()).collect();
    let (is_taken, signatures) = verify(&broker(&strangers[0]), &presented);
    assert!(!is_taken && signatures <= 3, "{is_taken} {signatures}");
}
