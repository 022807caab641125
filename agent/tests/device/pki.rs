//! CAs, certificates and images, right unless changed.

use device_identity::DeviceId;
use device_identity::image::{Certificates, Image, PrivateKey, SLOT_LEN};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, date_time_ymd,
};

/// Between the notBefore and the notAfter of everything made here: 2026-01-01.
pub(crate) const NOW: u64 = 1_767_225_600;

/// The broker's name.
pub(crate) const HOST: &str = "broker.example";

/// A certificate and its key.
pub(crate) struct Certified {
    pub(crate) der: Vec<u8>,
    pub(crate) params: CertificateParams,
    pub(crate) key: KeyPair,
}

impl Certified {
    /// A self-signed CA.
    pub(crate) fn root(name: &str) -> Self {
        Self::root_with(name, |_| ())
    }

    pub(crate) fn root_with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = ca_params(name);
        change(&mut params);
        let key = key();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self { der, params, key }
    }

    /// A CA below this one, with nothing but end-entities below it.
    pub(crate) fn issuing(&self, name: &str) -> Self {
        self.issuing_with(name, |_| ())
    }

    pub(crate) fn issuing_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = ca_params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        change(&mut params);
        self.issue(params)
    }

    /// A broker certificate for [`HOST`].
    pub(crate) fn broker(&self) -> Self {
        self.broker_with(|_| ())
    }

    pub(crate) fn broker_with(&self, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = params("the broker");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.subject_alt_names = vec![SanType::DnsName(HOST.try_into().unwrap())];
        change(&mut params);
        self.issue(params)
    }

    /// A device certificate.
    pub(crate) fn device(&self, id: &str) -> Self {
        let mut params = params(id);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params)
    }

    pub(crate) fn issue(&self, params: CertificateParams) -> Self {
        let key = key();
        let der =
            params.signed_by(&key, &Issuer::from_params(&self.params, &self.key)).unwrap().der().to_vec();
        Self { der, params, key }
    }

    /// The private key, big endian.
    pub(crate) fn scalar(&self) -> [u8; 32] {
        // A P-256 PKCS#8 without attributes has its scalar at this place.
        self.key.serialize_der()[36..68].try_into().unwrap()
    }

    pub(crate) fn pem(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }
}

/// PEM of some DER.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    use std::fmt::Write as _;
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in der.chunks(48) {
        for triple in line.chunks(3) {
            let bits =
                (0..3).fold(0_u32, |bits, i| bits << 8 | u32::from(triple.get(i).copied().unwrap_or(0)));
            for i in 0..4 {
                let digit = ALPHABET[(bits >> (18 - 6 * i) & 63) as usize];
                let _ = write!(text, "{}", if i <= triple.len() { char::from(digit) } else { '=' });
            }
        }
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

pub(crate) fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

pub(crate) fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2044, 1, 1);
    params.use_authority_key_identifier_extension = true;
    params
}

pub(crate) fn ca_params(common_name: &str) -> CertificateParams {
    let mut params = params(common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// A device with its image, the broker it belongs to, and everyone who could be taken for it.
pub(crate) struct Fleet {
    pub(crate) broker_root: Certified,
    pub(crate) broker_issuing: Certified,
    pub(crate) broker: Certified,
    pub(crate) device_root: Certified,
    pub(crate) device: Certified,
}

impl Fleet {
    pub(crate) fn new() -> Self {
        let broker_root = Certified::root("broker root");
        let broker_issuing = broker_root.issuing("broker issuing");
        let broker = broker_issuing.broker();
        let device_root = Certified::root("device root");
        let device = device_root.device("dev-1");
        Self { broker_root, broker_issuing, broker, device_root, device }
    }

    /// The image of `dev-1`.
    pub(crate) fn slot(&self) -> [u8; SLOT_LEN] {
        self.slot_with(|_| ())
    }

    pub(crate) fn slot_with(&self, change: impl for<'i> FnOnce(&mut Image<'i>)) -> [u8; SLOT_LEN] {
        let scalar = self.device.scalar();
        let mut broker_anchors = Certificates::new();
        broker_anchors.push(self.broker_root.der.as_slice()).unwrap();
        let mut image = Image {
            device_id: DeviceId::new("dev-1").unwrap(),
            key: PrivateKey::P256(&scalar),
            certificate: &self.device.der,
            broker_anchors,
            device_anchors: Certificates::new(),
            broker_host: "127.0.0.1",
            broker_port: 8883,
            server_name: HOST,
            time_floor: NOW - 1000,
        };
        change(&mut image);
        let mut slot = [0; SLOT_LEN];
        image.write(&mut slot).unwrap();
        slot
    }
}
