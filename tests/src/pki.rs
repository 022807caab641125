//! Certificates and CRLs that no honest tool makes, signed with a fleet's own keys or with those of an impostor.

use std::cell::Cell;
use std::fs;
use std::iter;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rcgen::{
    CertificateParams, CertificateRevocationListParams, CrlDistributionPoint, CrlIssuingDistributionPoint,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevocationReason, RevokedCertParams, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use time::OffsetDateTime;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::credential::Credential;
use crate::fleet::{Fleet, PASSPHRASE};
use crate::program::run;

/// The attribute type of a common name, written out: rcgen keeps one value per name of a type, and this is another
/// name for the same.
const COMMON_NAME_AGAIN: &[u64] = &[2, 5, 4, 3];

/// One day.
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// Somebody who signs whatever is asked for.
pub struct Forger {
    issuer: Issuer<'static, KeyPair>,
    key_id: Vec<u8>,
    /// What follows the leaf, in PEM.
    chain: String,
    directory: PathBuf,
    made: Cell<usize>,
}

impl Forger {
    /// With the key of one of the fleet's issuing CAs: `device-ca` or `service-ca`.
    pub fn with_key_of(fleet: &Fleet, authority: &str) -> Self {
        Self::with_stored_key(fleet, authority, "issuing")
    }

    /// With the key of the root CA above one of them.
    pub fn with_root_key_of(fleet: &Fleet, authority: &str) -> Self {
        Self::with_stored_key(fleet, authority, "root")
    }

    fn with_stored_key(fleet: &Fleet, authority: &str, name: &str) -> Self {
        let file = |ending: &str| fleet.file(authority).join(format!("{name}.{ending}"));
        let opened = run(Command::new("openssl")
            .args(["pkey", "-passin", &format!("pass:{PASSPHRASE}"), "-in"])
            .arg(file("key")));
        let key = KeyPair::from_pem(&opened.stdout_of_success()).expect("openssl prints a key");
        let pem = fs::read_to_string(file("pem")).expect("a CA certificate");
        let issuer = Issuer::from_ca_cert_pem(&pem, key).expect("a CA certificate");
        Self::new(fleet, issuer, key_id(&pem), &format!("{authority}-{name}"))
    }

    /// With a key of its own, under the very name of the fleet's issuing CA.
    pub fn named_like(fleet: &Fleet, authority: &str) -> Self {
        let pem = fs::read_to_string(fleet.file(authority).join("issuing.pem")).expect("a CA certificate");
        let key = KeyPair::generate().expect("a key");
        let issuer = Issuer::from_ca_cert_pem(&pem, key).expect("a CA certificate");
        Self::new(fleet, issuer, key_id(&pem), "namesake")
    }

    /// With the key of an end entity, which may sign nothing: its certificates come with the chain of `credential`.
    pub fn with_credential(fleet: &Fleet, credential: &Credential) -> Self {
        let pem = fs::read_to_string(&credential.certificate).expect("a certificate");
        let key = fs::read_to_string(&credential.key).expect("a key");
        let key = KeyPair::from_pem(&key).expect("a key");
        // The certificate of an end entity has no subject key identifier; this one is unique enough (RFC 5280 section 4.2.1.2).
        let key_id = key.public_key_raw().iter().skip(1).take(20).copied().collect();
        let issuer = Issuer::from_ca_cert_pem(&pem, key).expect("a certificate");
        Self { chain: pem.clone(), ..Self::new(fleet, issuer, key_id, "end-entity") }
    }

    /// With a key and a name of its own.
    pub fn stranger(fleet: &Fleet) -> Self {
        Self::authority(fleet, |_| {}).0
    }

    /// An authority of its own after an alteration, and its self-signed certificate in PEM.
    pub fn authority(fleet: &Fleet, alter: impl FnOnce(&mut CertificateParams)) -> (Self, String) {
        let key = KeyPair::generate().expect("a key");
        let mut params = authority_params("Stranger CA");
        params.key_identifier_method = KeyIdMethod::Sha256;
        alter(&mut params);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        let key_id = key_id(&pem);
        // Each has files of its own.
        let is_free = |name: &String| !fleet.beside("forged").join(name).exists();
        let numbered = (2..).map(|number| format!("stranger-{number}"));
        let name = iter::once("stranger".to_owned()).chain(numbered).find(is_free);
        let name = name.expect("there is always another number");
        (Self::new(fleet, Issuer::new(params, key), key_id, &name), pem)
    }

    fn new(fleet: &Fleet, issuer: Issuer<'static, KeyPair>, key_id: Vec<u8>, name: &str) -> Self {
        let directory = fleet.beside("forged").join(name);
        fs::create_dir_all(&directory).expect("a directory can be made");
        Self { issuer, key_id, chain: String::new(), directory, made: Cell::new(0) }
    }

    /// A certificate as the provisioning command would make it for `common_name`.
    pub fn certificate(&self, common_name: &str) -> Credential {
        self.altered(common_name, |_| {})
    }

    /// The same after an alteration of what is signed.
    pub fn altered(&self, common_name: &str, alter: impl FnOnce(&mut CertificateParams)) -> Credential {
        let mut params = device_params(common_name);
        let number = self.made.get() + 1;
        self.made.set(number);
        params.serial_number = Some(SerialNumber::from_slice(&(0x4000_0000 + number as u32).to_be_bytes()));
        alter(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        self.write(number, &(certificate.pem() + &self.chain), &key)
    }

    /// A certificate whose signature is off by one bit.
    pub fn with_broken_signature(&self, common_name: &str) -> Credential {
        let credential = self.certificate(common_name);
        let mut der = credential.chain().remove(0).to_vec();
        *der.last_mut().expect("a certificate has bytes") ^= 1;
        fs::write(&credential.certificate, certificate_pem(&der)).expect("a file can be written");
        credential
    }

    fn write(&self, number: usize, certificate: &str, key: &KeyPair) -> Credential {
        let file = |ending: &str| self.directory.join(format!("{number}.{ending}"));
        let credential = Credential { certificate: file("cert.pem"), key: file("key.pem") };
        fs::write(&credential.certificate, certificate).expect("a file can be written");
        fs::write(&credential.key, key.serialize_pem()).expect("a file can be written");
        credential
    }

    /// A CRL.
    pub fn crl(&self, crl: &Crl) -> String {
        let entry = |serial: &Vec<u8>, reason| RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial),
            revocation_time: OffsetDateTime::now_utc(),
            reason_code: Some(reason),
            invalidity_date: None,
        };
        let revoked = crl.revoked.iter().map(|serial| entry(serial, RevocationReason::KeyCompromise));
        let held = crl.held.iter().map(|serial| entry(serial, RevocationReason::CertificateHold));
        let revoked_certs = revoked.chain(held).collect();
        let params = CertificateRevocationListParams {
            this_update: crl.this_update,
            next_update: crl.next_update,
            crl_number: SerialNumber::from(crl.number),
            issuing_distribution_point: crl.distribution_point.as_ref().map(|url| {
                CrlIssuingDistributionPoint {
                    distribution_point: CrlDistributionPoint { uris: vec![url.clone()] },
                    scope: None,
                }
            }),
            revoked_certs,
            key_identifier_method: KeyIdMethod::PreSpecified(self.key_id.clone()),
        };
        params.signed_by(&self.issuer).expect("a CRL").pem().expect("PEM")
    }
}

/// What a CRL says.
#[derive(Clone, Debug)]
pub struct Crl {
    /// `thisUpdate`
    pub this_update: OffsetDateTime,
    /// `nextUpdate`
    pub next_update: OffsetDateTime,
    /// `cRLNumber`
    pub number: u64,
    /// The serial numbers that are revoked: their DER content octets.
    pub revoked: Vec<Vec<u8>>,
    /// Those that are on hold, likewise.
    pub held: Vec<Vec<u8>>,
    /// The URL in `issuingDistributionPoint`, if it has that extension.
    pub distribution_point: Option<String>,
}

impl Crl {
    /// An empty one, signed now and newer than any the fleet has published or will soon publish: those count the
    /// seconds since 1970.
    pub fn fresh() -> Self {
        let now = now();
        Self {
            this_update: now,
            next_update: now + 7 * DAY,
            number: now.unix_timestamp().unsigned_abs() + 100_000,
            revoked: Vec::new(),
            held: Vec::new(),
            distribution_point: None,
        }
    }

    /// The same, with other times.
    pub fn valid(self, this_update: OffsetDateTime, next_update: OffsetDateTime) -> Self {
        Self { this_update, next_update, ..self }
    }
}

/// Now, in whole seconds, as certificates count.
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc().replace_nanosecond(0).expect("zero is a number of nanoseconds")
}

/// An authority's self-signed certificate, PEM, after an alteration: for anchors that should not be accepted.
pub fn self_signed(common_name: &str, alter: impl FnOnce(&mut CertificateParams)) -> String {
    let mut params = authority_params(common_name);
    alter(&mut params);
    params.self_signed(&KeyPair::generate().expect("a key")).expect("a certificate").pem()
}

/// A subject with these common names: none, one, or two.
pub fn subject(common_names: &[&str]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Acme");
    let types = [DnType::CommonName, DnType::CustomDnType(COMMON_NAME_AGAIN.to_vec())];
    assert!(common_names.len() <= types.len(), "rcgen writes no more");
    for (attribute, common_name) in types.into_iter().zip(common_names) {
        name.push(attribute, *common_name);
    }
    name
}

fn device_params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(&[common_name]);
    params.not_before = now() - Duration::from_secs(3600);
    params.not_after = now() + 30 * DAY;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    params
}

fn authority_params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(&[common_name]);
    params.not_before = now() - 2 * DAY;
    params.not_after = now() + 30 * DAY;
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// The subject key identifier of a CA certificate.
fn key_id(pem: &str) -> Vec<u8> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate in PEM");
    let (_, certificate) = X509Certificate::from_der(&der).expect("a certificate");
    let id = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
        _ => None,
    });
    id.expect("a CA certificate has a subject key identifier")
}

/// A certificate in PEM, whatever its bytes are.
pub fn certificate_pem(der: &[u8]) -> String {
    let mut lines = vec!["-----BEGIN CERTIFICATE-----".to_owned()];
    let base64 = data_encoding::BASE64.encode(der);
    lines.extend(base64.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()));
    lines.push("-----END CERTIFICATE-----\n".to_owned());
    lines.join("\n")
}
