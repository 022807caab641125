//! How much a stranger that answers in the broker's place can have a gateway compute, in signatures.

use std::cell::Cell;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair};
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};

use super::*;

thread_local! {
    static VERIFIED: Cell<usize> = const { Cell::new(0) };
}

fn p256() -> &'static dyn SignatureVerificationAlgorithm {
    let of_p256 = |(scheme, algorithms): &(SignatureScheme, &'static [_])| {
        (*scheme == SignatureScheme::ECDSA_NISTP256_SHA256).then(|| algorithms[0])
    };
    default_provider().signature_verification_algorithms.mapping.iter().find_map(of_p256).unwrap()
}

/// ECDSA on P-256, and a count of how often.
#[derive(Debug)]
struct Counting;

impl SignatureVerificationAlgorithm for Counting {
    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        p256().public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        p256().signature_alg_id()
    }

    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        VERIFIED.set(VERIFIED.get() + 1);
        p256().verify_signature(key, message, signature)
    }
}

static COUNTING: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[&Counting],
    mapping: &[(SignatureScheme::ECDSA_NISTP256_SHA256, &[&Counting])],
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
        VERIFIED.set(0);
        let verdict = verifier.verify_server_cert(leaf, presented, &name, &[], now);
        (verdict.is_ok(), VERIFIED.get())
    };
    assert_eq!(verify(&broker(&own), &[own.der().clone()]), (true, 1));
    let strangers: Vec<_> = (0..8).map(|_| ca("Broker CA")).collect();
    let presented: Vec<_> = strangers.iter().map(|stranger| stranger.der().clone()).collect();
    let (is_taken, signatures) = verify(&broker(&strangers[0]), &presented);
    assert!(!is_taken && signatures <= 3, "{is_taken} {signatures}");
}
