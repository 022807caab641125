//! A fleet's CAs, its devices, and a clock that tests can turn.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use authenticator::for_test::trust_config;
use authenticator::identity::{IdentityTemplate, VerifiedClient, identify};
use authenticator::reason::{Reason, Refusal};
use authenticator::ruleset::AccessRules;
use authenticator::trust::{Role, TrustConfig, TrustReport, VerifiedChain, recheck_chain};
use broker_rules::clock::Clock;
use broker_rules::store::{CrlNumbers, LoadError, ReloadReport, RulesetStore};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason,
    RevokedCertParams, SerialNumber,
};
use rustls_pki_types::{CertificateDer, UnixTime};
use time::OffsetDateTime;
use tokio::sync::watch;

/// The day the tests play on: 2030-01-01.
pub(crate) const TODAY: u64 = 1_893_456_000;
pub(crate) const DAY: u64 = 86_400;

/// A clock that stands at [`TODAY`] until it is turned.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicU64);

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(TODAY)))
    }

    pub(crate) fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(self.0.load(Ordering::SeqCst)))
    }
}

pub(crate) fn date(seconds: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds as i64).expect("in range")
}

/// A CA with its key.
pub(crate) struct Ca {
    pub(crate) params: CertificateParams,
    pub(crate) key: KeyPair,
    pub(crate) certificate: Certificate,
}

/// A client with its key.
pub(crate) struct Client {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) key: KeyPair,
}

/// Parameters with nothing in them that the test did not choose.
pub(crate) fn bare_params(common_names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for name in common_names {
        params.distinguished_name.push(DnType::CommonName, *name);
    }
    params.not_before = date(TODAY - 30 * DAY);
    params.not_after = date(TODAY + 365 * DAY);
    params
}

/// What a proper CA carries.
pub(crate) fn ca_params(name: &str) -> CertificateParams {
    let mut params = bare_params(&[name]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_after = date(TODAY + 3650 * DAY);
    params
}

/// What a proper client carries.
pub(crate) fn client_params(common_name: &str, serial: u64) -> CertificateParams {
    let mut params = bare_params(&[common_name]);
    params.serial_number = Some(SerialNumber::from(serial));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    params
}

impl Ca {
    pub(crate) fn root(name: &str) -> Self {
        Self::self_signed(ca_params(name))
    }

    pub(crate) fn self_signed(params: CertificateParams) -> Self {
        let key = KeyPair::generate().expect("key");
        let certificate = params.self_signed(&key).expect("CA certificate");
        Self { params, key, certificate }
    }

    /// A CA below this one.
    pub(crate) fn below(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().expect("key");
        let certificate = params.signed_by(&key, &self.issuer()).expect("CA certificate");
        Self { params, key, certificate }
    }

    pub(crate) fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }

    pub(crate) fn client(&self, common_name: &str, serial: u64) -> Client {
        self.client_with(client_params(common_name, serial))
    }

    pub(crate) fn client_with(&self, params: CertificateParams) -> Client {
        let key = KeyPair::generate().expect("key");
        let der = params.signed_by(&key, &self.issuer()).expect("client certificate").der().clone();
        Client { der, key }
    }

    /// A CRL signed today, with serial numbers and reasons.
    pub(crate) fn crl(&self, number: u64, revoked: &[(u64, Option<RevocationReason>)]) -> Vec<u8> {
        self.crl_until(number, revoked, TODAY + 7 * DAY)
    }

    pub(crate) fn crl_until(
        &self,
        number: u64,
        revoked: &[(u64, Option<RevocationReason>)],
        until: u64,
    ) -> Vec<u8> {
        let params = CertificateRevocationListParams {
            this_update: date(TODAY),
            next_update: date(until),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked
                .iter()
                .map(|(serial, reason_code)| RevokedCertParams {
                    serial_number: SerialNumber::from(*serial),
                    revocation_time: date(TODAY - DAY),
                    reason_code: *reason_code,
                    invalidity_date: None,
                })
                .collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer()).expect("CRL").der().to_vec()
    }
}

/// A directory with one device CA, its CRL, and a store that trusts it.
pub(crate) struct Fleet {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) ca: Ca,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) store: Arc<RulesetStore>,
    pub(crate) trust: TrustConfig,
}

impl Fleet {
    /// A device CA with an empty CRL, numbered 10, loaded.
    pub(crate) fn new() -> Self {
        let fleet = Self::unloaded();
        fleet.load().expect("a proper trust loads");
        fleet
    }

    pub(crate) fn unloaded() -> Self {
        let directory = tempfile::tempdir().expect("temporary directory");
        let ca = Ca::root("Fleet Device CA");
        std::fs::write(directory.path().join("ca.pem"), ca.certificate.pem()).expect("write");
        std::fs::write(directory.path().join("ca.crl"), ca.crl(10, &[])).expect("write");
        let trust = trust(directory.path(), "device-ca", "ca.pem", "ca.crl");
        let clock = TestClock::new();
        let numbers = Arc::new(CrlNumbers::open(directory.path()).expect("no record yet"));
        let store = RulesetStore::new(
            Arc::clone(&clock) as Arc<dyn Clock>,
            numbers,
            Arc::new(AccessRules::default()),
        );
        Self { directory, ca, clock, store, trust }
    }

    /// Makes `other` an anchor beside the fleet's own CA, in one file.
    pub(crate) fn anchor_also(&mut self, other: &Ca) {
        let both = format!("{}{}", self.ca.certificate.pem(), other.certificate.pem());
        self.trust.anchors = vec![self.write("both.pem", both)];
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, contents).expect("write");
        path
    }

    pub(crate) fn load(&self) -> Result<TrustReport, LoadError> {
        self.store.load(std::slice::from_ref(&self.trust))
    }

    /// Changes whenever live sessions are to be judged again.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        let (changes, changed) = watch::channel(self.store.generation());
        self.store.on_change(move |generation| {
            changes.send_replace(generation);
        });
        changed
    }

    /// Puts a CRL in place of the present one, and reads it.
    pub(crate) fn publish(&self, crl: impl AsRef<[u8]>) -> ReloadReport {
        self.write("ca.crl", crl);
        self.store.reload_crls()
    }

    pub(crate) fn verify(&self, chain: &[&CertificateDer<'static>]) -> Result<VerifiedChain, Refusal> {
        let chain: Vec<_> = chain.iter().map(|der| (*der).clone()).collect();
        self.store.verify_chain(&chain).proven().cloned()
    }

    /// Judges a client that is in already again, by what can have changed.
    pub(crate) fn recheck(&self, client: &VerifiedClient) -> Result<(), Refusal> {
        recheck_chain(self.store.present().trusts(), client.chain(), self.clock.now())
    }

    /// The reason that a client presenting its certificate alone meets with.
    pub(crate) fn reason(&self, client: &Client) -> Option<Reason> {
        self.verify(&[&client.der]).err().map(|refusal| refusal.reason)
    }

    pub(crate) fn admit(&self, client: &Client) -> VerifiedClient {
        let chain = self.verify(&[&client.der]).expect("a proper client");
        identify(chain, &IdentityTemplate::default()).expect("a proper name")
    }
}

/// A trust of one anchor file and one CRL in `directory`.
pub(crate) fn trust(directory: &Path, name: &str, anchor: &str, crl: &str) -> TrustConfig {
    let role = if name == "service-ca" { Role::Service } else { Role::Device };
    trust_config(name, role, vec![directory.join(anchor)], vec![directory.join(crl).into()])
}

/// A CRL in PEM, with an encoder of its own.
pub(crate) fn crl_pem(der: &[u8]) -> String {
    use std::fmt::Write;
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("-----BEGIN X509 CRL-----\n");
    for line in der.chunks(48) {
        for group in line.chunks(3) {
            let bits = group.iter().fold(0u32, |bits, octet| bits << 8 | u32::from(*octet))
                << (8 * (3 - group.len()));
            for place in 0..4 {
                let digit = alphabet[(bits >> (18 - 6 * place)) as usize & 63] as char;
                let _ = write!(text, "{}", if place <= group.len() { digit } else { '=' });
            }
        }
        text.push('\n');
    }
    text + "-----END X509 CRL-----\n"
}
