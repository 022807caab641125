//! [`Source`]: what is converted.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use device_identity::DeviceId;
use device_identity::image::PrivateKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::OID_X509_COMMON_NAME;
use x509_parser::prelude::FromDer as _;
use zeroize::Zeroizing;

use super::error::ConvertError;
use crate::fleet::{ReadError, read_named};
use crate::image::{FileContent, LONGEST_FILE, Slot};
use crate::key::{KeyPair, P256PublicKey};

/// What is converted, read and checked: a private key belongs to its certificate.
pub(crate) enum Source {
    /// An image.
    Image {
        /// The file.
        path: PathBuf,
        /// The slot.
        slot: Slot,
        /// Where the file puts it, if it says so.
        address: Option<u32>,
        /// The UF2 family.
        family: Option<u32>,
        /// The device.
        device_id: DeviceId,
        /// Its certificate (DER).
        certificate: Vec<u8>,
        /// Its private key, unless that is on the device.
        key: Option<KeyPair>,
    },
    /// A certificate chain, and its private key unless that is on the device.
    Pem {
        /// The certificate file.
        path: PathBuf,
        /// The device.
        device_id: DeviceId,
        /// Its certificate (DER).
        certificate: Vec<u8>,
        /// That of the issuing CA (DER).
        issuing: Vec<u8>,
        /// The private key.
        key: Option<KeyPair>,
    },
}

const CERTIFICATE_END: &str = ".cert.pem";
const KEY_END: &str = ".key.pem";

impl Source {
    /// Reads one file or two. Of one that is called `*.cert.pem` or `*.key.pem`, the other is looked for beside it.
    pub(crate) fn read(paths: &[PathBuf]) -> Result<Self, ConvertError> {
        let mut files = Vec::new();
        for path in paths {
            files.push((path.clone(), read(path)?));
        }
        if let [(path, content)] = files.as_slice() {
            let other = match content {
                FileContent::Image { .. } => None,
                FileContent::Certificates(_) => sibling(path, CERTIFICATE_END, KEY_END),
                FileContent::Key(_) => sibling(path, KEY_END, CERTIFICATE_END),
            };
            if let Some(other) = other.filter(|other| other.symlink_metadata().is_ok()) {
                let content = read(&other)?;
                files.push((other, content));
            }
        }
        let mut files = files.into_iter();
        match (files.next(), files.next(), files.next()) {
            (Some((path, content @ FileContent::Image { .. })), None, None) => Self::image(path, content),
            (Some((path, FileContent::Certificates(chain))), None, None) => Self::pem(path, &chain, None),
            (Some((path, FileContent::Key(_))), None, None) => Err(ConvertError::NoCertificate { path }),
            (Some((path, FileContent::Certificates(chain))), Some(key @ (_, FileContent::Key(_))), None)
            | (Some(key @ (_, FileContent::Key(_))), Some((path, FileContent::Certificates(chain))), None) => {
                Self::pem(path, &chain, Some(key))
            }
            _ => Err(ConvertError::Files),
        }
    }

    fn image(path: PathBuf, content: FileContent) -> Result<Self, ConvertError> {
        let damaged = || ConvertError::NotADevice { path: path.clone() };
        let FileContent::Image { slot, address, family, .. } = &content else { return Err(damaged()) };
        let (address, family) = (*address, *family);
        let (device_id, certificate, has_key) = {
            let image = slot.image().ok_or_else(damaged)?;
            let has_key = matches!(image.key, PrivateKey::P256(_));
            (image.device_id.clone(), image.certificate.to_vec(), has_key)
        };
        let (named, public_key) = subject(&certificate).ok_or_else(damaged)?;
        if named != device_id {
            return Err(damaged());
        }
        let key = content.key_of(&public_key);
        if key.is_none() && has_key {
            return Err(ConvertError::Key { path });
        }
        let FileContent::Image { slot, .. } = content else { return Err(damaged()) };
        Ok(Self::Image { path, slot, address, family, device_id, certificate, key })
    }

    fn pem(
        path: PathBuf,
        chain: &[Zeroizing<Vec<u8>>],
        key: Option<(PathBuf, FileContent)>,
    ) -> Result<Self, ConvertError> {
        let [certificate, issuing] = chain else { return Err(ConvertError::Chain { path }) };
        let Some((device_id, public_key)) = subject(certificate) else {
            return Err(ConvertError::NotADevice { path });
        };
        let key = match key {
            Some((path, content)) => Some(content.key_of(&public_key).ok_or(ConvertError::Key { path })?),
            None => None,
        };
        let (certificate, issuing) = (certificate.to_vec(), issuing.to_vec());
        Ok(Self::Pem { path, device_id, certificate, issuing, key })
    }

    /// The device.
    pub(crate) fn device_id(&self) -> &DeviceId {
        match self {
            Self::Image { device_id, .. } | Self::Pem { device_id, .. } => device_id,
        }
    }

    /// The certificate, DER.
    pub(crate) fn certificate(&self) -> &[u8] {
        match self {
            Self::Image { certificate, .. } | Self::Pem { certificate, .. } => certificate,
        }
    }

    /// Where it puts the slot, if it says so.
    pub(crate) fn address(&self) -> Option<u32> {
        match self {
            Self::Image { address, .. } => *address,
            Self::Pem { .. } => None,
        }
    }

    /// Its UF2 family.
    pub(crate) fn family(&self) -> Option<u32> {
        match self {
            Self::Image { family, .. } => *family,
            Self::Pem { .. } => None,
        }
    }

    /// Whether the private key is on the device.
    pub(crate) fn key_is_on_device(&self) -> bool {
        match self {
            Self::Image { key, .. } | Self::Pem { key, .. } => key.is_none(),
        }
    }
}

/// The device and the public key that a certificate names.
fn subject(der: &[u8]) -> Option<(DeviceId, P256PublicKey)> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let name = certificate.subject().iter_by_oid(&OID_X509_COMMON_NAME).next()?;
    let device_id = name.as_str().ok()?.parse().ok()?;
    Some((device_id, P256PublicKey::from_spki(certificate.public_key()).ok()?))
}

/// The file that is called as `path`, with another end of the name.
fn sibling(path: &Path, end: &str, other_end: &str) -> Option<PathBuf> {
    let stem = path.file_name()?.to_str()?.strip_suffix(end)?;
    Some(path.with_file_name(OsString::from(format!("{stem}{other_end}"))))
}

/// Reads a file, which may be a pipe.
fn read(path: &Path) -> Result<FileContent, ConvertError> {
    let bytes = read_named(path, LONGEST_FILE).map_err(|error| match error {
        ReadError::TooLong { limit } => ConvertError::TooLong { path: path.to_owned(), longest: limit },
        other => ConvertError::Read { path: path.to_owned(), source: other.into() },
    })?;
    FileContent::read(&bytes).map_err(|fault| ConvertError::File { path: path.to_owned(), fault })
}
