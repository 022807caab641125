//! Every kind of key and every combination of extensions, judged by what `explain` asks, by handshakes of TLS 1.2 and 1.3, and
//! by OpenSSL.

use authenticator::reason::Reason;
use broker_auth::transport::TlsVersions;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::ring as provider;
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::handshakes::{Broker, credential_of};
use crate::judges::{openssl, openssl_ok};
use crate::pki::{TODAY, client_params};

/// What is made of one certificate: by `explain`, and by both versions of TLS. They must agree.
fn judged(broker: &Broker, der: &CertificateDer<'static>, key: &KeyPair) -> Option<Reason> {
    let explained = broker.fleet.verify(&[der]).err().map(|refusal| refusal.reason);
    for (version, versions) in [(&TLS13, TlsVersions::Tls13), (&TLS12, TlsVersions::Tls12)] {
        let credential = credential_of(vec![der.clone()], key);
        let config = broker.client_config(credential, version, provider::default_provider());
        assert_eq!(broker.connect(&config, versions).reason(), explained, "{versions:?}");
    }
    explained
}

/// Whether OpenSSL takes it for a TLS client.
fn openssl_takes(broker: &Broker, der: &CertificateDer<'static>) -> bool {
    let directory = broker.fleet.directory.path();
    broker.fleet.write("leaf.der", der.as_ref());
    openssl_ok(directory, &["x509", "-in", "leaf.der", "-inform", "DER", "-out", "leaf.pem"]);
    let time = TODAY.to_string();
    let arguments = [
        "verify",
        "-partial_chain",
        "-purpose",
        "sslclient",
        "-attime",
        &time,
        "-CAfile",
        "ca.pem",
        "leaf.pem",
    ];
    openssl(directory, &arguments).status.success()
}

const UNKNOWN: &[u64] = &[1, 3, 6, 1, 4, 1, 99999, 1];

/// One certificate of the matrix.
#[derive(Clone, Copy, Debug)]
struct Combination {
    key_usage: Option<&'static [KeyUsagePurpose]>,
    extended: Option<&'static [ExtendedKeyUsagePurpose]>,
    ca: Option<bool>,
    unknown_critical: bool,
    policies_critical: bool,
}

impl Combination {
    fn params(self) -> CertificateParams {
        let mut params = client_params("pump-1", 1);
        params.key_usages = self.key_usage.unwrap_or_default().to_vec();
        params.extended_key_usages = self.extended.unwrap_or_default().to_vec();
        params.is_ca = match self.ca {
            None => IsCa::NoCa,
            Some(false) => IsCa::ExplicitNoCa,
            Some(true) => IsCa::Ca(BasicConstraints::Unconstrained),
        };
        let critical = |oid: &[u64], value: Vec<u8>| {
            let mut extension = CustomExtension::from_oid_content(oid, value);
            extension.set_criticality(true);
            extension
        };
        if self.unknown_critical {
            params.custom_extensions.push(critical(UNKNOWN, vec![5, 0]));
        }
        if self.policies_critical {
            let any_policy = vec![0x30, 8, 0x30, 6, 6, 4, 0x55, 0x1d, 0x20, 0];
            params.custom_extensions.push(critical(&[2, 5, 29, 32], any_policy));
        }
        params
    }

    /// The rules, in the order in which they are told.
    fn wanted(self) -> Option<Reason> {
        let has = |usage: &KeyUsagePurpose| self.key_usage.is_some_and(|usages| usages.contains(usage));
        let names_client =
            self.extended.is_some_and(|purposes| purposes.contains(&ExtendedKeyUsagePurpose::ClientAuth));
        // RFC 5280 §4.2: what is critical and not processed refuses.
        if self.unknown_critical {
            return Some(Reason::Unsupported);
        }
        // A CA is no client; TLS clients sign (RFC 8446 §4.4.2.2); RFC 7925 §4.4.2 asks for clientAuth; RFC 5280 §4.2.1.3
        // ties keyCertSign to CAs.
        let is_fit = self.ca != Some(true)
            && (self.key_usage.is_none() || has(&KeyUsagePurpose::DigitalSignature))
            && names_client
            && !has(&KeyUsagePurpose::KeyCertSign);
        (!is_fit).then_some(Reason::WrongUsage)
    }

    /// Where OpenSSL's purpose `sslclient` is wider than the profile of a device.
    fn is_wider_in_openssl(self) -> bool {
        // RFC 5280 §4.2.1.12: an absent extended key usage allows every purpose, the profile of RFC 7925 does not.
        let any_purpose = self.extended.is_none();
        // OpenSSL counts keyAgreement, for the static exchanges of TLS 1.2 that nobody here speaks.
        let key_agreement =
            self.key_usage.is_some_and(|usages| usages.contains(&KeyUsagePurpose::KeyAgreement));
        // RFC 5280 §4.2.1.3 and §4.2.1.9 bind issuers; without -x509_strict OpenSSL lets CAs and keyCertSign pass.
        let issues = self.ca == Some(true)
            || self.key_usage.is_some_and(|usages| usages.contains(&KeyUsagePurpose::KeyCertSign));
        any_purpose || key_agreement || issues
    }
}

#[test]
fn explain_handshakes_and_openssl_agree_on_every_combination_of_extensions() {
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, ServerAuth};
    use KeyUsagePurpose::{DigitalSignature, KeyAgreement, KeyCertSign};
    let key_usages: [Option<&[KeyUsagePurpose]>; 4] =
        [None, Some(&[DigitalSignature]), Some(&[KeyAgreement]), Some(&[DigitalSignature, KeyCertSign])];
    let purposes: [Option<&[ExtendedKeyUsagePurpose]>; 5] =
        [None, Some(&[ClientAuth]), Some(&[ServerAuth]), Some(&[Any]), Some(&[ServerAuth, ClientAuth])];
    let broker = Broker::new();
    let (mut count, mut admitted) = (0, 0);
    for key_usage in key_usages {
        for extended in purposes {
            for ca in [None, Some(false), Some(true)] {
                for (unknown_critical, policies_critical) in [(false, false), (true, false), (false, true)] {
                    let combination =
                        Combination { key_usage, extended, ca, unknown_critical, policies_critical };
                    let client = broker.fleet.ca.client_with(combination.params());
                    let reason = judged(&broker, &client.der, &client.key);
                    assert_eq!(reason, combination.wanted(), "{combination:?}");
                    let theirs = openssl_takes(&broker, &client.der);
                    assert!(
                        theirs == reason.is_none() || (theirs && combination.is_wider_in_openssl()),
                        "{combination:?}: OpenSSL {theirs}, here {reason:?}"
                    );
                    count += 1;
                    admitted += usize::from(reason.is_none());
                }
            }
        }
    }
    assert_eq!(count, 180);
    assert_eq!(
        admitted, 16,
        "both purposes that name clients, both usages that sign, no CA, no unknown extension"
    );
}

/// A key that no handshake can prove possession of is refused as such before anything else is said about the certificate;
/// one that every handshake can, is not.
#[test]
fn explain_and_handshakes_agree_on_every_kind_of_key() {
    let broker = Broker::new();
    let directory = broker.fleet.directory.path();
    broker.fleet.write("ca.key", broker.fleet.ca.key.serialize_pem());
    broker.fleet.write("leaf.ext", "keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n");
    let kinds: [(&str, &[&str], &str, Option<Reason>); 13] = [
        ("P-256", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "", None),
        ("P-384", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], "", None),
        ("Ed25519", &["-algorithm", "ED25519"], "", None),
        ("RSA 2048", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "", None),
        ("RSA 4096", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"], "", None),
        (
            "RSA 1024",
            &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
            "RSA of 1024 bits",
            Some(Reason::Unsupported),
        ),
        (
            "RSA 4104",
            &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4104"],
            "RSA of 4104 bits",
            Some(Reason::Unsupported),
        ),
        (
            "P-521",
            &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
            "P-521",
            Some(Reason::Unsupported),
        ),
        (
            "secp256k1",
            &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
            "secp256k1",
            Some(Reason::Unsupported),
        ),
        (
            "brainpool",
            &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"],
            "brainpoolP256r1",
            Some(Reason::Unsupported),
        ),
        ("Ed448", &["-algorithm", "ED448"], "Ed448", Some(Reason::Unsupported)),
        (
            "RSA-PSS",
            &["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"],
            "RSASSA-PSS",
            Some(Reason::Unsupported),
        ),
        (
            "compressed",
            &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            "compressed point",
            Some(Reason::Unsupported),
        ),
    ];
    let stranger = KeyPair::generate().expect("key");
    for (kind, parameters, words, wanted) in kinds {
        openssl_ok(directory, &[&["genpkey", "-out", "leaf.key"], parameters].concat());
        if kind == "compressed" {
            openssl_ok(directory, &["ec", "-in", "leaf.key", "-conv_form", "compressed", "-out", "leaf.key"]);
        }
        openssl_ok(
            directory,
            &["req", "-new", "-key", "leaf.key", "-subj", "/CN=pump-1", "-out", "leaf.csr"],
        );
        openssl_ok(
            directory,
            &[
                "x509",
                "-req",
                "-in",
                "leaf.csr",
                "-CA",
                "ca.pem",
                "-CAkey",
                "ca.key",
                "-set_serial",
                "5",
                "-days",
                "7300",
                "-extfile",
                "leaf.ext",
                "-out",
                "leaf.pem",
            ],
        );
        let der = CertificateDer::from_pem_file(directory.join("leaf.pem")).expect("a certificate");
        match wanted {
            None => {
                let pem = std::fs::read_to_string(directory.join("leaf.key")).expect("a key");
                let key = KeyPair::from_pem(&pem).expect("a key that ring knows");
                assert_eq!(judged(&broker, &der, &key), None, "{kind}");
            }
            // Its holder cannot even try here; who presents it with another key hears the same.
            Some(reason) => {
                assert_eq!(judged(&broker, &der, &stranger), Some(reason), "{kind}");
                let evidence = broker.fleet.verify(&[&der]).expect_err(kind).evidence;
                assert!(evidence.contains(words), "{kind}: {evidence}");
            }
        }
    }
}
