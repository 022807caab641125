//! CAs, certificates and images, right unless changed.

use device_identity::DeviceId;
use device_identity::image::{Certificates, Image, PrivateKey, SLOT_LEN};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType, SignatureAlgorithm,
    SubjectPublicKeyInfo, date_time_ymd,
};

use crate::forge::{self, tlv};

/// Between the notBefore and the notAfter of everything made here: 2026-01-01.
pub const NOW: u64 = 1_767_225_600;

/// The broker's name.
pub const HOST: &str = "broker.example";

/// A certificate and its key.
pub struct Certified {
    pub der: Vec<u8>,
    pub params: CertificateParams,
    pub key: KeyPair,
}

impl Certified {
    /// A self-signed CA.
    pub fn root(name: &str) -> Self {
        Self::root_with(name, |_| ())
    }

    pub fn root_with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = ca_params(name);
        change(&mut params);
        Self::self_signed(params, key())
    }

    pub fn self_signed(params: CertificateParams, key: KeyPair) -> Self {
        let der = params.self_signed(&SameSignature(&key)).unwrap().der().to_vec();
        Self { der, params, key }
    }

    /// A CA below this one, with nothing but end-entities below it.
    pub fn issuing(&self, name: &str) -> Self {
        self.issuing_with(name, |_| ())
    }

    pub fn issuing_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = issuing_params(name);
        change(&mut params);
        self.issue(params)
    }

    /// A broker certificate for [`HOST`].
    pub fn broker(&self) -> Self {
        self.broker_with(|_| ())
    }

    pub fn broker_with(&self, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = broker_params();
        change(&mut params);
        self.issue(params)
    }

    /// A device certificate.
    pub fn device(&self, id: &str) -> Self {
        self.issue(device_params(id))
    }

    pub fn issue(&self, params: CertificateParams) -> Self {
        self.issue_to(params, key())
    }

    /// The same certificate every time, if the keys and the parameters are the same.
    pub fn issue_to(&self, params: CertificateParams, key: KeyPair) -> Self {
        let issuer = Issuer::from_params(&self.params, SameSignature(&self.key));
        let der = params.signed_by(&key, &issuer).unwrap().der().to_vec();
        Self { der, params, key }
    }

    /// A certificate for the key of this SubjectPublicKeyInfo, which is somewhere else.
    pub fn issue_for(&self, params: &CertificateParams, spki: &[u8]) -> Vec<u8> {
        let issuer = Issuer::from_params(&self.params, SameSignature(&self.key));
        let public_key = SubjectPublicKeyInfo::from_der(spki).unwrap();
        params.signed_by(&public_key, &issuer).unwrap().der().to_vec()
    }

    /// The private key, big endian.
    pub fn scalar(&self) -> [u8; 32] {
        scalar(&self.key)
    }

    pub fn pem(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }
}

/// Signs with the nonce of RFC 6979, where ring draws one.
struct SameSignature<'k>(&'k KeyPair);

impl PublicKeyData for SameSignature<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl rcgen::SigningKey for SameSignature<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(forge::signature(&scalar(self.0), message).as_bytes().to_vec())
    }
}

/// PEM of some DER.
pub fn pem(label: &str, der: &[u8]) -> String {
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

pub fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

/// The key of a scalar, big endian.
pub fn key_of(scalar: &[u8; 32]) -> KeyPair {
    let public = p256::EncodedPoint::from(p256::SecretKey::from_slice(scalar).unwrap().public_key());
    // RFC 5958 around RFC 5915.
    let algorithm = tlv(0x30, &[tlv(6, &EC_PUBLIC_KEY), tlv(6, &PRIME256V1)].concat());
    let point = tlv(0xa1, &tlv(3, &[&[0], public.as_bytes()].concat()));
    let private = tlv(0x30, &[tlv(2, &[1]), tlv(4, scalar), point].concat());
    KeyPair::try_from(tlv(0x30, &[tlv(2, &[0]), algorithm, tlv(4, &private)].concat())).unwrap()
}

const EC_PUBLIC_KEY: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const PRIME256V1: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

fn scalar(key: &KeyPair) -> [u8; 32] {
    // A P-256 PKCS#8 without attributes has its scalar at this place.
    key.serialize_der()[36..68].try_into().unwrap()
}

pub fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2044, 1, 1);
    params.use_authority_key_identifier_extension = true;
    params
}

pub fn ca_params(common_name: &str) -> CertificateParams {
    let mut params = params(common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Of a CA with nothing but end-entities below it.
pub fn issuing_params(common_name: &str) -> CertificateParams {
    let mut params = ca_params(common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params
}

/// Of a broker called [`HOST`].
pub fn broker_params() -> CertificateParams {
    let mut params = params("the broker");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.subject_alt_names = vec![SanType::DnsName(HOST.try_into().unwrap())];
    params
}

pub fn device_params(id: &str) -> CertificateParams {
    let mut params = params(id);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// A device with its image, the broker it belongs to, and everyone who could be taken for it.
pub struct Fleet {
    pub broker_root: Certified,
    pub broker_issuing: Certified,
    pub broker: Certified,
    pub device_root: Certified,
    pub device: Certified,
}

impl Fleet {
    pub fn new() -> Self {
        Self::with_keys(key)
    }

    /// With these keys, in the order of the fields.
    pub fn with_keys(mut key: impl FnMut() -> KeyPair) -> Self {
        let broker_root = Certified::self_signed(ca_params("broker root"), key());
        let broker_issuing = broker_root.issue_to(issuing_params("broker issuing"), key());
        let broker = broker_issuing.issue_to(broker_params(), key());
        let device_root = Certified::self_signed(ca_params("device root"), key());
        let device = device_root.issue_to(device_params("dev-1"), key());
        Self { broker_root, broker_issuing, broker, device_root, device }
    }

    /// The image of `dev-1`.
    pub fn slot(&self) -> [u8; SLOT_LEN] {
        self.slot_with(|_| ())
    }

    pub fn slot_with(&self, change: impl for<'i> FnOnce(&mut Image<'i>)) -> [u8; SLOT_LEN] {
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
