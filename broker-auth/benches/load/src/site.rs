//! CAs, certificates and CRLs, for a broker and as many devices as wanted.

mod authority;
mod staged_lists;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, PublicKeyData as _};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

pub(crate) use self::authority::Authority;
use self::authority::{DAY, end_entity, now};
pub use self::staged_lists::StagedLists;

/// What a listener of countersign-broker trusts at a [`Site`], for its `broker.toml`: devices, and services.
pub const TRUSTS: &str = r#"
[[listener.trust]]
name = "device-ca"
anchors = ["device-ca.pem"]
crl = ["device-ca.crl"]

[[listener.trust]]
name = "service-ca"
anchors = ["service-ca.pem"]
crl = ["service-ca.crl"]
"#;

/// A site: who may talk to whom. The files that servers want lie in one directory.
pub struct Site {
    directory: PathBuf,
    brokers: Authority,
    devices: Arc<Authority>,
    services: Authority,
    strangers: Authority,
    provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    crls: AtomicU64,
}

/// A client's name, its certificate's serial number, and how it speaks TLS.
#[derive(Clone)]
pub struct Identity {
    /// Common name and client id.
    pub name: Arc<str>,
    pub(crate) serial: u64,
    pub(crate) tls: Arc<ClientConfig>,
    shown: Option<Arc<Shown>>,
}

/// What a client shows of itself.
#[derive(Debug)]
pub struct Shown {
    /// Its certificate.
    pub certificate: CertificateDer<'static>,
    /// The DER of the SubjectPublicKeyInfo in it.
    pub key_info: Vec<u8>,
}

impl Identity {
    /// What it shows of itself; `None` if it has no certificate.
    pub fn shown(&self) -> Option<&Shown> {
        self.shown.as_deref()
    }
}

/// A certificate that should be refused, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It ended yesterday.
    Expired,
    /// No CA of the site signed it.
    UnknownCa,
    /// There is none.
    Missing,
}

impl Site {
    /// Makes the CAs and a broker certificate for `localhost`, and writes what a server needs into `directory`:
    /// `server.pem`, `server.key`, `device-ca.pem`, `service-ca.pem`, `client-cas.pem`, `device-ca.crl`, `service-ca.crl`
    /// and `clients.crl`, both lists in one.
    pub fn new(directory: &Path) -> io::Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let brokers = Authority::new("Broker CA");
        let mut roots = RootCertStore::empty();
        roots.add(brokers.certificate.clone()).map_err(io::Error::other)?;
        let site = Self {
            directory: directory.to_owned(),
            devices: Arc::new(Authority::new("Device CA")),
            services: Authority::new("Service CA"),
            strangers: Authority::new("Stranger CA"),
            roots: Arc::new(roots),
            // Numbers that grow from run to run, as a broker may remember those of the last.
            crls: AtomicU64::new(now().unix_timestamp().unsigned_abs()),
            provider,
            brokers,
        };
        let mut params = end_entity("localhost", 1, ExtendedKeyUsagePurpose::ServerAuth);
        params.subject_alt_names = vec![rcgen::SanType::DnsName("localhost".try_into().expect("a DNS name"))];
        let key = KeyPair::generate().expect("ring makes keys");
        let certificate = params.signed_by(&key, &site.brokers.issuer).expect("rcgen signs");
        site.write("server.pem", &certificate.pem())?;
        site.write("server.key", &key.serialize_pem())?;
        site.write("device-ca.pem", &site.devices.pem)?;
        site.write("service-ca.pem", &site.services.pem)?;
        site.write("client-cas.pem", &(site.devices.pem.clone() + &site.services.pem))?;
        site.revoke(&[])?;
        Ok(site)
    }

    /// Where the files are.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Device `number`: `device-000001`, with a key of its own.
    pub fn device(&self, number: u64) -> Identity {
        let name = format!("device-{number:06}");
        let params = end_entity(&name, serial_of(number), ExtendedKeyUsagePurpose::ClientAuth);
        self.identity(&name, serial_of(number), params, &self.devices)
    }

    /// A device whose certificate ends after `lifetime`.
    pub fn short_lived(&self, number: u64, lifetime: Duration) -> Identity {
        let name = format!("device-{number:06}");
        let mut params = end_entity(&name, serial_of(number), ExtendedKeyUsagePurpose::ClientAuth);
        params.not_after = now() + lifetime;
        self.identity(&name, serial_of(number), params, &self.devices)
    }

    /// Devices of these numbers. Keys and certificates take about 60 µs each.
    pub fn devices(&self, numbers: std::ops::Range<u64>) -> Vec<Identity> {
        numbers.map(|number| self.device(number)).collect()
    }

    /// Service `number`: `service-01`, with a key of its own.
    pub fn service(&self, number: u64) -> Identity {
        let name = format!("service-{number:02}");
        let params = end_entity(&name, serial_of(number), ExtendedKeyUsagePurpose::ClientAuth);
        self.identity(&name, serial_of(number), params, &self.services)
    }

    /// A device that should be refused.
    pub fn flawed(&self, number: u64, flaw: Flaw) -> Identity {
        let name = format!("device-{number:06}");
        let mut params = end_entity(&name, serial_of(number), ExtendedKeyUsagePurpose::ClientAuth);
        match flaw {
            Flaw::Expired => {
                params.not_before = now() - 3 * DAY;
                params.not_after = now() - Duration::from_secs(3600);
                self.identity(&name, serial_of(number), params, &self.devices)
            }
            Flaw::UnknownCa => self.identity(&name, serial_of(number), params, &self.strangers),
            Flaw::Missing => {
                let tls = self.tls().with_no_client_auth();
                Identity { name: name.into(), serial: serial_of(number), tls: finished(tls), shown: None }
            }
        }
    }

    /// Somebody without a certificate of the site, who sends `cas` CA certificates along that it made itself: all of one
    /// name, with different keys, and some 2 KiB each as long as 15 KiB are not full. `as_ours`: the name is that of the
    /// CA of devices.
    pub fn stranger(&self, number: u64, cas: usize, as_ours: bool) -> Identity {
        let name = format!("device-{number:06}");
        let common_name = if as_ours { "Device CA" } else { "Namesake" };
        let padding = 13_000 / cas.max(1) - 500;
        let made = (0..cas).map(|_| Authority::padded(common_name, padding)).collect::<Vec<_>>();
        let params = end_entity(&name, serial_of(number), ExtendedKeyUsagePurpose::ClientAuth);
        let key = KeyPair::generate().expect("ring makes keys");
        let issuer = made.first().unwrap_or(&self.strangers);
        let leaf = params.signed_by(&key, &issuer.issuer).expect("rcgen signs").der().clone();
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("rcgen writes PKCS#8");
        let chain = [leaf].into_iter().chain(made.iter().map(|ca| ca.certificate.clone())).collect();
        let tls = self.tls().with_client_auth_cert(chain, key).expect("the key is of a known kind");
        Identity { name: name.into(), serial: serial_of(number), tls: finished(tls), shown: None }
    }

    /// Writes CRLs on which these devices are, and no others. In one step each, as a broker may be looking.
    pub fn revoke(&self, devices: &[&Identity]) -> io::Result<()> {
        self.stage(0, devices)?.publish()
    }

    /// Writes the same beside those in force, with `others` serial numbers that nobody has before those of the devices.
    pub fn stage(&self, others: u64, devices: &[&Identity]) -> io::Result<StagedLists> {
        let number = self.crls.fetch_add(1, Ordering::Relaxed);
        let revoked = (0..others).map(serial_of_nobody).chain(devices.iter().map(|device| device.serial));
        let devices = self.devices.crl(number, revoked);
        let services = self.services.crl(number, std::iter::empty());
        let mut staged = StagedLists::default();
        staged.add(self.file("clients.crl"), &(devices.clone() + &services))?;
        staged.add(self.file("service-ca.crl"), &services)?;
        staged.add(self.file("device-ca.crl"), &devices)?;
        Ok(staged)
    }

    /// The CA of devices, for those that speak in its name.
    pub(crate) fn device_authority(&self) -> Arc<Authority> {
        Arc::clone(&self.devices)
    }

    fn write(&self, name: &str, content: &str) -> io::Result<()> {
        fs::write(self.file(name), content)
    }

    fn identity(&self, name: &str, serial: u64, params: CertificateParams, by: &Authority) -> Identity {
        let key = KeyPair::generate().expect("ring makes keys");
        let certificate = params.signed_by(&key, &by.issuer).expect("rcgen signs").der().clone();
        let shown = Shown { certificate: certificate.clone(), key_info: key.subject_public_key_info() };
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("rcgen writes PKCS#8");
        let tls =
            self.tls().with_client_auth_cert(vec![certificate], key).expect("the key is of a known kind");
        Identity { name: name.into(), serial, tls: finished(tls), shown: Some(Arc::new(shown)) }
    }

    fn tls(&self) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
        ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("ring has TLS 1.3")
            .with_root_certificates(Arc::clone(&self.roots))
    }
}

/// Every handshake is a full one.
fn finished(mut tls: ClientConfig) -> Arc<ClientConfig> {
    tls.resumption = Resumption::disabled();
    Arc::new(tls)
}

/// Eight bytes, the first of them neither zero nor a sign: its DER is its bytes.
fn serial_of(number: u64) -> u64 {
    0x4000_0000_0000_0000 | number
}

/// The same for a certificate that nobody has, in no order: what a CA draws by lot comes in none.
fn serial_of_nobody(number: u64) -> u64 {
    // An odd multiplier (of Knuth) modulo a power of two: no number comes twice.
    0x5000_0000_0000_0000 | (number.wrapping_mul(2_654_435_769) & 0xff_ffff_ffff)
}
