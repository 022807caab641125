//! A credential image in flash, checked: the device's identity, its key, and the CAs of its broker.

mod error;
pub mod issued;
mod key_store;
mod signer;
pub mod store;

use core::fmt;

use device_identity::DeviceId;
use device_identity::image::PrivateKey;

pub use device_identity::image::Image;
pub use error::CredentialError;
pub use key_store::{KeyStore, KeyStoreError, NewKey, SoftwareKeys};
pub use signer::{SignError, Signer, SoftwareSigner};

use crate::ecdsa;
use crate::x509::{Anchor, Certificate, ServerName};

/// What the key is tried out on. TLS signs 64 spaces first (RFC 8446 §4.4.3), so this signature is of no other use.
const KEY_CHECK: &[u8] = b"countersign-key-check-1";

/// Everything a session needs, and nothing that could still be wrong: the key is the certificate's, the certificate
/// is this device's, the anchors are CAs, the server name is a name.
///
/// Borrows the image where it lies; only the signer is owned.
pub struct Credential<'a, S> {
    device_id: DeviceId,
    certificate: &'a [u8],
    anchors: heapless::Vec<Anchor<'a>, 3>,
    broker_host: &'a str,
    broker_port: u16,
    server_name: ServerName<'a>,
    time_floor: u64,
    signer: S,
}

impl<'a> Credential<'a, SoftwareSigner> {
    /// Reads and checks the image in `slot`, which holds the private key itself.
    pub fn read(slot: &'a [u8]) -> Result<Self, CredentialError> {
        let image = Image::read(slot)?;
        let signer = match image.key {
            PrivateKey::P256(scalar) => SoftwareSigner::new(scalar).ok_or(CredentialError::NoKey)?,
            PrivateKey::Slot(slot) => return Err(CredentialError::KeySlot { slot }),
        };
        Self::with_signer(&image, signer)
    }
}

impl<'a, S: Signer> Credential<'a, S> {
    /// Checks `image`, whose private key is what `signer` signs with. One signature is made, to see that it is.
    pub fn with_signer(image: &Image<'a>, mut signer: S) -> Result<Self, CredentialError> {
        let certificate = Certificate::read(image.certificate)?;
        let named = certificate.subject().device_id()?;
        if named != image.device_id {
            return Err(CredentialError::NotThisDevices { certificate: named });
        }
        let signature = ecdsa::to_der(&signer.sign(KEY_CHECK)?);
        ecdsa::verify(certificate.public_key(), KEY_CHECK, signature.as_bytes())
            .map_err(|_| CredentialError::KeyMismatch)?;

        let mut anchors = heapless::Vec::new();
        for (index, der) in image.broker_anchors.iter().enumerate() {
            let anchor = Anchor::new(der).map_err(|source| CredentialError::Anchor { index, source })?;
            // Both hold three at most.
            let _ = anchors.push(anchor);
        }
        Ok(Self {
            device_id: image.device_id.clone(),
            certificate: image.certificate,
            anchors,
            broker_host: image.broker_host,
            broker_port: image.broker_port,
            server_name: ServerName::parse(image.server_name).map_err(|_| CredentialError::ServerName)?,
            time_floor: image.time_floor,
            signer,
        })
    }
}

impl<'a, S> Credential<'a, S> {
    /// The device.
    pub const fn device_id(&self) -> &DeviceId {
        &self.device_id
    }

    /// Where to connect: a DNS name or an IP address.
    pub const fn broker_host(&self) -> &'a str {
        self.broker_host
    }

    /// The TCP port to connect to.
    pub const fn broker_port(&self) -> u16 {
        self.broker_port
    }

    /// The name the broker must prove.
    pub const fn server_name(&self) -> ServerName<'a> {
        self.server_name
    }

    /// Unix seconds; the image was made then, so it is not earlier now.
    pub const fn time_floor(&self) -> u64 {
        self.time_floor
    }

    /// The device certificate, DER. It is sent alone: the broker holds the CA that issued it.
    pub const fn certificate(&self) -> &'a [u8] {
        self.certificate
    }

    /// The CAs a broker's chain may end at; during a roll-over there are several.
    pub fn anchors(&self) -> &[Anchor<'a>] {
        &self.anchors
    }

    pub(crate) const fn signer(&mut self) -> &mut S {
        &mut self.signer
    }
}

/// The device and its broker; never the key.
impl<S> fmt::Debug for Credential<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("device_id", &self.device_id)
            .field("broker_host", &self.broker_host)
            .field("broker_port", &self.broker_port)
            .finish_non_exhaustive()
    }
}
