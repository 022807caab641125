//! A credential image file, checked: everything a session needs, and nothing that could still be wrong.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use device_identity::image::{Image, ImageError, PrivateKey, SLOT_LEN};
use device_identity::{DeviceId, SubjectError};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;
use zeroize::Zeroizing;

use super::broker_certificate::{AnchorError, BrokerVerifier};
use super::clock::FlooredClock;
use super::exposure::Exposure;
use super::key::{POINT_LEN, signing_key};

/// Who this device is, how it proves it, and which broker it belongs to.
///
/// Made by [`Credential::load`] alone, so the key is the certificate's and the certificate is this device's.
pub struct Credential {
    device_id: DeviceId,
    certified_key: Arc<CertifiedKey>,
    broker_host: String,
    broker_port: u16,
    broker_verifier: Arc<BrokerVerifier>,
    time_floor: u64,
    exposure: Option<Exposure>,
}

/// Why a file gives no credential. Every one is a fault of the image, which has to be made again.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The file cannot be read.
    #[error("cannot read the image {}: {source}", path.display())]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file holds more than one slot.
    #[error("{} is longer than a credential slot ({SLOT_LEN} bytes)", path.display())]
    LongerThanASlot {
        /// Its path.
        path: PathBuf,
    },
    /// The bytes are no credential image.
    #[error("{}: {source}", path.display())]
    Image {
        /// The file's path.
        path: PathBuf,
        /// What is wrong with them.
        source: ImageError,
    },
    /// The private key is in a secure element, by reference.
    #[error(
        "the image's private key is in key slot {slot} of a secure element, which a gateway does not have"
    )]
    KeySlot {
        /// The slot.
        slot: u32,
    },
    /// The certificate is no X.509.
    #[error("the image's certificate is unreadable: {0}")]
    Certificate(String),
    /// The certificate's key is not an uncompressed point on P-256.
    #[error("the image's certificate is not for a P-256 key")]
    NotP256,
    /// The certificate's public key is not the private key's.
    #[error("key does not match certificate: the image's private key belongs to another certificate")]
    KeyMismatch,
    /// The certificate names no device.
    #[error("the image's certificate names no device: {0}")]
    Subject(#[from] SubjectError),
    /// The certificate names another device.
    #[error("certificate is not this device's: the image is for {image}, its certificate for {certificate}")]
    NotThisDevices {
        /// The device of the image.
        image: Box<DeviceId>,
        /// The device of the certificate.
        certificate: Box<DeviceId>,
    },
    /// One of the broker anchors is no CA.
    #[error("broker anchor {index} of the image cannot be trusted: {source}")]
    Anchor {
        /// Which, counted from 0.
        index: usize,
        /// Why.
        source: AnchorError,
    },
    /// The server name is neither a DNS name nor an IP address.
    #[error("the image's server name {name:?} is neither a DNS name nor an IP address")]
    ServerName {
        /// The server name.
        name: String,
    },
}

impl Credential {
    /// Reads and checks the image at `path`: at most one slot (4096 bytes), as `countersign-provision` writes it.
    pub fn load(path: &Path) -> Result<Self, CredentialError> {
        let unreadable = |source| CredentialError::Unreadable { path: path.to_owned(), source };
        let mut slot = Zeroizing::new([0_u8; SLOT_LEN]);
        let mut file = File::open(path).map_err(unreadable)?;
        let exposure = Exposure::of(path, &file).map_err(unreadable)?;
        let mut found = 0;
        while let Some(rest) = slot.get_mut(found..).filter(|rest| !rest.is_empty()) {
            match file.read(rest) {
                Ok(0) => break,
                Ok(read) => found += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(error)),
            }
        }
        if file.read(&mut [0]).map_err(unreadable)? != 0 {
            return Err(CredentialError::LongerThanASlot { path: path.to_owned() });
        }
        let image = Image::read(slot.get(..found).unwrap_or_default())
            .map_err(|source| CredentialError::Image { path: path.to_owned(), source })?;
        Self::from_image(&image, exposure)
    }

    fn from_image(image: &Image<'_>, exposure: Option<Exposure>) -> Result<Self, CredentialError> {
        let unreadable = |error: &dyn fmt::Display| CredentialError::Certificate(error.to_string());
        let (rest, certificate) =
            X509Certificate::from_der(image.certificate).map_err(|error| unreadable(&error))?;
        if !rest.is_empty() {
            return Err(unreadable(&"bytes follow it"));
        }

        let names = certificate.subject().iter_common_name().map(|name| name.as_str());
        let names = names.collect::<Result<Vec<_>, _>>().map_err(|error| unreadable(&error))?;
        let named = DeviceId::from_common_names(names)?;
        if named != image.device_id {
            let (image, certificate) = (Box::new(image.device_id.clone()), Box::new(named));
            return Err(CredentialError::NotThisDevices { image, certificate });
        }

        let scalar = match &image.key {
            PrivateKey::P256(scalar) => *scalar,
            PrivateKey::Slot(slot) => return Err(CredentialError::KeySlot { slot: *slot }),
        };
        let Ok(PublicKey::EC(point)) = certificate.public_key().parsed() else {
            return Err(CredentialError::NotP256);
        };
        let point: &[u8; POINT_LEN] = point.data().try_into().map_err(|_| CredentialError::NotP256)?;
        let signing_key = signing_key(scalar, point).ok_or(CredentialError::KeyMismatch)?;
        // Devices send the leaf alone; the broker holds the issuing CA.
        let chain = vec![CertificateDer::from(image.certificate.to_vec())];

        let server_name = ServerName::try_from(image.server_name)
            .map_err(|_| CredentialError::ServerName { name: image.server_name.to_owned() })?
            .to_owned();
        let anchors = image.broker_anchors.iter().map(|der| CertificateDer::from(der.to_vec()));
        let anchors = anchors.collect::<Vec<_>>();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let broker_verifier = BrokerVerifier::new(server_name, &anchors, &provider)
            .map_err(|(index, source)| CredentialError::Anchor { index, source })?;

        Ok(Self {
            device_id: image.device_id.clone(),
            certified_key: Arc::new(CertifiedKey::new(chain, signing_key)),
            broker_host: image.broker_host.to_owned(),
            broker_port: image.broker_port,
            broker_verifier: Arc::new(broker_verifier),
            time_floor: image.time_floor,
            exposure,
        })
    }

    /// The device.
    pub fn device_id(&self) -> &DeviceId {
        &self.device_id
    }

    /// The broker's host: a DNS name or an address.
    pub fn broker_host(&self) -> &str {
        &self.broker_host
    }

    /// The broker's TCP port.
    pub fn broker_port(&self) -> u16 {
        self.broker_port
    }

    pub(super) fn certified_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified_key)
    }

    pub(super) fn broker_verifier(&self) -> Arc<BrokerVerifier> {
        Arc::clone(&self.broker_verifier)
    }

    /// Who else may read the image.
    pub fn exposure(&self) -> Option<&Exposure> {
        self.exposure.as_ref()
    }

    pub(super) fn clock(&self) -> FlooredClock {
        FlooredClock::new(self.time_floor)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("device_id", &self.device_id)
            .field("broker_host", &self.broker_host)
            .field("broker_port", &self.broker_port)
            .finish_non_exhaustive()
    }
}
