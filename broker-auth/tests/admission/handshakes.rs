//! Real TLS handshakes, in memory: alerts, resumption, and what constrained devices are owed.

use std::sync::{Arc, Mutex};

use authenticator::reason::{Reason, Refusal};
use authenticator::trust::VerifiedChain;
use broker_auth::transport::{
    HandshakeChain, MAX_RECORD_LEN, ServerCertificate, TlsVersions, connection_config,
};
use rcgen::{ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::client::{ClientConnection, ResolvesClientCert};
use rustls::crypto::{CryptoProvider, ring as provider};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{
    AlertDescription, CipherSuite, ClientConfig, Error, HandshakeKind, RootCertStore, ServerConnection,
    SignatureScheme, SupportedProtocolVersion,
};

use crate::pki::{Ca, Client, DAY, Fleet, TODAY, bare_params, client_params, date};

/// A fleet with a broker that presents a certificate of its own CA.
pub(crate) struct Broker {
    pub(crate) fleet: Fleet,
    ca: Ca,
    certificate: Arc<ServerCertificate>,
}

fn write_server_certificate(fleet: &Fleet, ca: &Ca) {
    let mut params = bare_params(&["broker"]);
    params.subject_alt_names = vec![rcgen::SanType::DnsName("broker.test".try_into().expect("name"))];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // The client in these tests looks at the real clock.
    params.not_before = date(TODAY - 3650 * DAY);
    params.not_after = date(TODAY + 3650 * DAY);
    let key = KeyPair::generate().expect("key");
    let certificate = params.signed_by(&key, &ca.issuer()).expect("certificate");
    fleet.write("broker.pem", format!("{}{}", certificate.pem(), ca.certificate.pem()));
    fleet.write("broker.key", key.serialize_pem());
}

impl Broker {
    pub(crate) fn new() -> Self {
        let fleet = Fleet::new();
        let ca = Ca::root("Fleet Broker CA");
        write_server_certificate(&fleet, &ca);
        let certificate = ServerCertificate::load(&fleet.path("broker.pem"), &fleet.path("broker.key"), &[])
            .expect("a proper pair");
        Self { fleet, ca, certificate }
    }

    fn accept(&self, versions: TlsVersions) -> (ServerConnection, HandshakeChain) {
        let (config, chain) = connection_config(&self.fleet.store, &self.certificate, versions, &[])
            .expect("a good configuration");
        (ServerConnection::new(config).expect("a connection"), chain)
    }

    fn now(&self) -> rustls::pki_types::UnixTime {
        self.fleet.store.now()
    }

    pub(crate) fn client_config(
        &self,
        credential: Arc<dyn ResolvesClientCert>,
        version: &'static SupportedProtocolVersion,
        provider: CryptoProvider,
    ) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.certificate.der().clone()).expect("root");
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[version])
            .expect("version")
            .with_root_certificates(roots)
            .with_client_cert_resolver(credential);
        Arc::new(config)
    }

    pub(crate) fn connect(&self, config: &Arc<ClientConfig>, versions: TlsVersions) -> Outcome {
        let name = ServerName::try_from("broker.test").expect("name");
        let mut client = ClientConnection::new(Arc::clone(config), name).expect("a connection");
        let (mut server, chain) = self.accept(versions);
        let (client_error, server_error) = exchange(&mut client, &mut server);
        let verdict = match &server_error {
            None => chain.of(&server).and_then(|chain| chain.proven().cloned()),
            Some(error) => Err(chain.refusal(error).unwrap_or_else(|| panic!("{error} is no refusal"))),
        };
        Outcome { verdict, client_error, client, server }
    }

    pub(crate) fn connect_as(&self, client: &Client) -> Outcome {
        let config = self.client_config(credential(client), &TLS13, provider::default_provider());
        self.connect(&config, TlsVersions::Tls13)
    }
}

pub(crate) struct Outcome {
    pub(crate) verdict: Result<VerifiedChain, Refusal>,
    client_error: Option<Error>,
    client: ClientConnection,
    server: ServerConnection,
}

impl Outcome {
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.verdict.as_ref().err().map(|refusal| refusal.reason)
    }

    fn alert(&self) -> Option<AlertDescription> {
        match self.client_error {
            Some(Error::AlertReceived(alert)) => Some(alert),
            _ => None,
        }
    }
}

/// Carries bytes both ways until nobody has any more to say.
fn exchange(client: &mut ClientConnection, server: &mut ServerConnection) -> (Option<Error>, Option<Error>) {
    let (mut client_error, mut server_error) = (None, None);
    for _ in 0..20 {
        let mut flight = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut flight).expect("memory");
        }
        let mut rest = flight.as_slice();
        while !rest.is_empty() && server_error.is_none() {
            server.read_tls(&mut rest).expect("memory");
            server_error = server.process_new_packets().err();
        }
        let mut answer = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut answer).expect("memory");
        }
        let mut rest = answer.as_slice();
        while !rest.is_empty() && client_error.is_none() {
            client.read_tls(&mut rest).expect("memory");
            client_error = client.process_new_packets().err();
        }
        if flight.is_empty() && answer.is_empty() {
            break;
        }
    }
    (client_error, server_error)
}

/// What a client presents, and what it was asked for.
#[derive(Debug)]
pub(crate) struct Credential {
    key: Option<Arc<CertifiedKey>>,
    asked: Mutex<Option<(usize, Vec<SignatureScheme>)>>,
}

impl ResolvesClientCert for Credential {
    fn resolve(&self, hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        *self.asked.lock().expect("one thread") = Some((hints.len(), schemes.to_vec()));
        self.key.clone()
    }

    fn has_certs(&self) -> bool {
        self.key.is_some()
    }
}

pub(crate) fn credential_of(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Arc<Credential> {
    let der = PrivateKeyDer::try_from(key.serialize_der()).expect("PKCS#8");
    let key = provider::sign::any_supported_type(&der).expect("a key");
    Arc::new(Credential { key: Some(Arc::new(CertifiedKey::new(chain, key))), asked: Mutex::default() })
}

fn credential(client: &Client) -> Arc<Credential> {
    credential_of(vec![client.der.clone()], &client.key)
}

#[test]
fn a_valid_client_completes_the_handshake_in_both_versions() {
    let broker = Broker::new();
    let client = broker.fleet.ca.client("pump-1", 1);
    for (version, versions) in [
        (&TLS13, TlsVersions::Tls13),
        (&TLS13, TlsVersions::Tls12And13),
        (&TLS12, TlsVersions::Tls12And13),
        (&TLS12, TlsVersions::Tls12),
    ] {
        let config = broker.client_config(credential(&client), version, provider::default_provider());
        let outcome = broker.connect(&config, versions);
        let chain = outcome.verdict.expect("a proper client");
        assert_eq!(chain.leaf().der(), &client.der);
        assert!(outcome.client_error.is_none());
    }
}

#[test]
fn each_refusal_ends_in_the_alert_that_fits() {
    let broker = Broker::new();
    let ca = &broker.fleet.ca;
    let with = |change: &dyn Fn(&mut rcgen::CertificateParams)| {
        let mut params = client_params("pump-1", 1);
        change(&mut params);
        ca.client_with(params)
    };
    let revoked = [(66, None), (67, Some(rcgen::RevocationReason::CertificateHold))];
    broker.fleet.publish(ca.crl(11, &revoked));
    let cases = [
        (ca.client("pump-1", 66), Reason::Revoked, AlertDescription::CertificateRevoked),
        (ca.client("pump-1", 67), Reason::Suspended, AlertDescription::CertificateRevoked),
        (
            with(&|params| params.not_after = date(TODAY - 1)),
            Reason::Expired,
            AlertDescription::CertificateExpired,
        ),
        (
            with(&|params| params.not_before = date(TODAY + 1)),
            Reason::NotYetValid,
            AlertDescription::CertificateExpired,
        ),
        (Ca::root("Nobody").client("pump-1", 1), Reason::UnknownCa, AlertDescription::UnknownCA),
        (
            Ca::root("Fleet Device CA").client("pump-1", 1),
            Reason::BadSignature,
            AlertDescription::DecryptError,
        ),
        (
            with(&|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
            Reason::WrongUsage,
            AlertDescription::UnsupportedCertificate,
        ),
    ];
    for (client, reason, alert) in &cases {
        let outcome = broker.connect_as(client);
        assert_eq!((outcome.reason(), outcome.alert()), (Some(*reason), Some(*alert)));
    }
    broker.fleet.clock.set(TODAY + 9 * DAY);
    let outcome = broker.connect_as(&ca.client("pump-1", 1));
    assert_eq!(
        (outcome.reason(), outcome.alert()),
        (Some(Reason::StaleCrl), Some(AlertDescription::UnknownCA))
    );
}

#[test]
fn a_client_without_a_certificate_is_told_that_one_is_required() {
    let broker = Broker::new();
    let nothing = Arc::new(Credential { key: None, asked: Mutex::default() });
    let config = broker.client_config(nothing, &TLS13, provider::default_provider());
    let outcome = broker.connect(&config, TlsVersions::Tls13);
    assert_eq!(outcome.reason(), Some(Reason::NoCertificate));
    assert_eq!(outcome.alert(), Some(AlertDescription::CertificateRequired));
}

#[test]
fn a_certificate_without_its_key_is_refused() {
    let broker = Broker::new();
    let victim = broker.fleet.ca.client("pump-1", 1);
    let thief = KeyPair::generate().expect("key");
    for (version, versions) in [(&TLS13, TlsVersions::Tls13), (&TLS12, TlsVersions::Tls12)] {
        let credential = credential_of(vec![victim.der.clone()], &thief);
        let config = broker.client_config(credential, version, provider::default_provider());
        let outcome = broker.connect(&config, versions);
        assert_eq!(outcome.reason(), Some(Reason::BadSignature));
    }
}

#[test]
fn an_unfinished_handshake_proves_no_chain() {
    let broker = Broker::new();
    let (server, verdict) = broker.accept(TlsVersions::Tls13);
    assert_eq!(verdict.of(&server).err().map(|refusal| refusal.reason), Some(Reason::NoCertificate));
}

/// The client keeps every ticket and session id it is given, and offers them the next time.
#[test]
fn resumption_never_carries_a_client_past_the_verifier() {
    for (version, versions) in [(&TLS13, TlsVersions::Tls12And13), (&TLS12, TlsVersions::Tls12And13)] {
        let broker = Broker::new();
        let client = broker.fleet.ca.client("pump-1", 1);
        let config = broker.client_config(credential(&client), version, provider::default_provider());
        for _ in 0..2 {
            let outcome = broker.connect(&config, versions);
            outcome.verdict.expect("not revoked yet");
            assert_eq!(outcome.server.handshake_kind(), Some(HandshakeKind::Full));
            assert_eq!(outcome.client.tls13_tickets_received(), 0);
        }
        broker.fleet.publish(broker.fleet.ca.crl(11, &[(1, None)]));
        let outcome = broker.connect(&config, versions);
        assert_eq!(outcome.reason(), Some(Reason::Revoked));
        assert_eq!(outcome.alert(), Some(AlertDescription::CertificateRevoked));
    }
}

#[test]
fn a_client_is_asked_for_a_p256_certificate_and_told_no_ca_names() {
    let broker = Broker::new();
    let credential = credential(&broker.fleet.ca.client("pump-1", 1));
    // What the devices' TLS stack offers: one group, one signature scheme.
    let mut p256_only = provider::default_provider();
    p256_only.kx_groups = vec![provider::kx_group::SECP256R1];
    let asking = Arc::clone(&credential) as Arc<dyn ResolvesClientCert>;
    let config = broker.client_config(asking, &TLS13, p256_only);
    broker.connect(&config, TlsVersions::Tls13).verdict.expect("P-256 is enough");

    let asked = credential.asked.lock().expect("one thread").take();
    let (hints, schemes) = asked.expect("a certificate was asked for");
    assert_eq!(hints, 0);
    assert_eq!(schemes.first(), Some(&SignatureScheme::ECDSA_NISTP256_SHA256));
    assert!(schemes.iter().all(|scheme| !matches!(scheme, SignatureScheme::RSA_PKCS1_SHA1)));
}

/// The lengths of the records in `bytes`, headers included.
fn record_lengths(mut bytes: &[u8]) -> Vec<usize> {
    let mut lengths = Vec::new();
    while let [_, _, _, high, low, ..] = bytes {
        let length = 5 + usize::from(u16::from_be_bytes([*high, *low]));
        lengths.push(length);
        bytes = &bytes[length..];
    }
    assert!(bytes.is_empty());
    lengths
}

/// Clients that would have AES-256 first, as most libraries on machines would, get the suite that costs a handshake least.
#[test]
fn the_order_of_cipher_suites_is_the_brokers() {
    let broker = Broker::new();
    let device = broker.fleet.ca.client("pump-1", 1);
    let wanted = [
        (&TLS13, TlsVersions::Tls13, CipherSuite::TLS13_AES_128_GCM_SHA256),
        (&TLS12, TlsVersions::Tls12, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ];
    for (version, versions, suite) in wanted {
        let config = broker.client_config(credential(&device), version, provider::default_provider());
        let outcome = broker.connect(&config, versions);
        assert_eq!(outcome.reason(), None);
        assert_eq!(outcome.server.negotiated_cipher_suite().map(|suite| suite.suite()), Some(suite));
    }
}

#[test]
fn no_record_to_a_device_is_longer_than_its_buffer() {
    let broker = Broker::new();
    let client = broker.fleet.ca.client("pump-1", 1);
    for (version, versions) in [(&TLS13, TlsVersions::Tls13), (&TLS12, TlsVersions::Tls12)] {
        let config = broker.client_config(credential(&client), version, provider::default_provider());
        let mut server = broker.connect(&config, versions).server;
        std::io::Write::write_all(&mut server.writer(), &[0; 20_000]).expect("buffered");
        let mut sent = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut sent).expect("memory");
        }
        let lengths = record_lengths(&sent);
        assert!(lengths.len() >= 10, "{lengths:?}");
        assert!(lengths.iter().all(|length| *length <= MAX_RECORD_LEN), "{lengths:?}");
    }
}

#[test]
fn a_new_server_certificate_is_taken_up_and_a_mismatched_one_is_not() {
    let broker = Broker::new();
    let client = broker.fleet.ca.client("pump-1", 1);
    let presented = || {
        let outcome = broker.connect_as(&client);
        assert!(outcome.verdict.is_ok());
        outcome.client.peer_certificates().expect("certificates")[0].clone()
    };
    let first = presented();
    let foreign_key = KeyPair::generate().expect("key").serialize_pem();
    let proper_key = std::fs::read(broker.fleet.path("broker.key")).expect("key");

    broker.fleet.write("broker.key", foreign_key);
    let error = broker.certificate.reload(broker.now()).expect_err("the key is another's");
    assert!(error.to_string().contains("is not the key of the certificate"), "{error}");
    assert_eq!(presented(), first);

    broker.fleet.write("broker.key", proper_key);
    broker.certificate.reload(broker.now()).expect("the proper key");
    assert_eq!(presented(), first);

    write_server_certificate(&broker.fleet, &broker.ca);
    broker.certificate.reload(broker.now()).expect("a new pair");
    assert_ne!(presented(), first);
}
