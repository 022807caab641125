//! A fleet's certificates and images, each fault a value.

use std::path::Path;

use device_identity::DeviceId;
use device_identity::image::{Certificates, Image, PrivateKey, SLOT_LEN};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};

/// A CA: its certificate and what signs with it.
pub(crate) struct Ca {
    pub(crate) der: Vec<u8>,
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
#[derive(Clone)]
pub(crate) struct Leaf {
    pub(crate) der: Vec<u8>,
    pub(crate) pem: String,
    pub(crate) key_der: Vec<u8>,
    pub(crate) key_pem: String,
}

/// The three CAs of a fleet, apart as they must be.
pub(crate) struct Fleet {
    pub(crate) devices: Ca,
    pub(crate) brokers: Ca,
    pub(crate) services: Ca,
}

impl Fleet {
    pub(crate) fn new() -> Self {
        Self { devices: Ca::new("device CA"), brokers: Ca::new("broker CA"), services: Ca::new("service CA") }
    }

    /// A broker certificate for `localhost` and `127.0.0.1`.
    pub(crate) fn broker(&self) -> Leaf {
        self.brokers.leaf("broker", |params| {
            params.subject_alt_names = CertificateParams::new(vec!["localhost".into(), "127.0.0.1".into()])
                .unwrap()
                .subject_alt_names;
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        })
    }

    /// A device certificate.
    pub(crate) fn device(&self, id: &str) -> Leaf {
        self.devices.leaf(id, |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    }

    /// A back-end client's certificate.
    pub(crate) fn service(&self, name: &str) -> Leaf {
        self.services.leaf(name, |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    }
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        Self::with(name, |_| ())
    }

    /// A CA with something about it changed.
    pub(crate) fn with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        change(&mut params);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { der: certificate.der().to_vec(), pem: certificate.pem(), issuer: Issuer::new(params, key) }
    }

    /// A CA below this one.
    pub(crate) fn issuing(&self, name: &str) -> Self {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Self { der: certificate.der().to_vec(), pem: certificate.pem(), issuer: Issuer::new(params, key) }
    }

    /// A certificate below this CA.
    pub(crate) fn leaf(&self, common_name: &str, change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        let mut params = params(common_name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        change(&mut params);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Leaf {
            der: certificate.der().to_vec(),
            pem: certificate.pem(),
            key_der: key.serialize_der(),
            key_pem: key.serialize_pem(),
        }
    }
}

fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2099, 1, 1);
    params.use_authority_key_identifier_extension = true;
    params
}

/// What goes into an image; right unless changed.
pub(crate) struct ImageSpec {
    pub(crate) device_id: String,
    pub(crate) certificate: Leaf,
    pub(crate) key: Leaf,
    pub(crate) anchors: Vec<Vec<u8>>,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) server_name: String,
    pub(crate) time_floor: u64,
}

impl ImageSpec {
    /// A good image of `id` for the broker at `127.0.0.1:port`, whose name is `localhost`.
    pub(crate) fn new(fleet: &Fleet, id: &str, port: u16) -> Self {
        let leaf = fleet.device(id);
        Self {
            device_id: id.into(),
            certificate: leaf.clone(),
            key: leaf,
            anchors: vec![fleet.brokers.der.clone()],
            host: "127.0.0.1".into(),
            port,
            server_name: "localhost".into(),
            time_floor: 1_700_000_000,
        }
    }

    /// The slot as the factory writes it.
    pub(crate) fn slot(&self) -> [u8; SLOT_LEN] {
        // A P-256 PKCS#8 without attributes has its scalar at this place.
        let scalar: &[u8; 32] = self.key.key_der[36..68].try_into().unwrap();
        self.slot_with_key(PrivateKey::P256(scalar))
    }

    pub(crate) fn slot_with_key(&self, key: PrivateKey<'_>) -> [u8; SLOT_LEN] {
        let mut broker_anchors = Certificates::new();
        for anchor in &self.anchors {
            broker_anchors.push(anchor.as_slice()).unwrap();
        }
        let image = Image {
            device_id: DeviceId::new(&self.device_id).unwrap(),
            key,
            certificate: &self.certificate.der,
            broker_anchors,
            device_anchors: Certificates::new(),
            broker_host: &self.host,
            broker_port: self.port,
            server_name: &self.server_name,
            time_floor: self.time_floor,
        };
        let mut slot = [0; SLOT_LEN];
        image.write(&mut slot).unwrap();
        slot
    }

    pub(crate) fn write(&self, path: &Path) {
        std::fs::write(path, self.slot()).unwrap();
    }
}
