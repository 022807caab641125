//! The certificate the broker presents, swapped when its files change.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use zeroize::Zeroizing;

use authenticator::certificate::{CertificateError, PeerCertificate};

use super::crypto_provider::{MAX_RECORD_LEN, crypto_provider};

/// How long the chain may be for devices, bytes. What the broker says in the handshake goes out in records of
/// [`MAX_RECORD_LEN`]; what does not fit into the first is cut somewhere, and a device puts nothing together. The other
/// messages take less than 200 bytes.
const DEVICE_CHAIN_LEN: usize = MAX_RECORD_LEN - 248;

/// The broker's certificate chain and key.
pub struct ServerCertificate {
    cert_file: PathBuf,
    key_file: PathBuf,
    present: ArcSwap<Present>,
}

struct Present {
    key: Arc<CertifiedKey>,
    not_after: UnixTime,
}

/// Why the broker's certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ServerCertificateError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate file holds no certificates in PEM.
    #[error("{} holds no PEM certificate", file.display())]
    NoCertificate {
        /// Which.
        file: PathBuf,
    },
    /// The first certificate cannot be read.
    #[error("{}: {source}", file.display())]
    Certificate {
        /// Which.
        file: PathBuf,
        /// Why.
        source: CertificateError,
    },
    /// The key file holds no private key that can be used.
    #[error("{} holds no usable PEM private key: {detail}", file.display())]
    Key {
        /// Which.
        file: PathBuf,
        /// Why, without a word of the key.
        detail: String,
    },
    /// Key and certificate do not belong together.
    #[error("the key in {} is not the key of the certificate in {}", key_file.display(), cert_file.display())]
    Mismatch {
        /// The key file.
        key_file: PathBuf,
        /// The certificate file.
        cert_file: PathBuf,
    },
}

/// A certificate and its key, loaded and not yet presented.
pub(crate) struct LoadedCertificate(Present);

impl ServerCertificate {
    /// Loads certificate chain (leaf first) and key, both PEM.
    pub fn load(cert_file: &Path, key_file: &Path) -> Result<Arc<Self>, ServerCertificateError> {
        Ok(Arc::new(Self {
            present: ArcSwap::from_pointee(Present::load(cert_file, key_file)?),
            cert_file: cert_file.to_owned(),
            key_file: key_file.to_owned(),
        }))
    }

    /// Loads both files again, and changes nothing.
    pub(crate) fn build(&self) -> Result<LoadedCertificate, ServerCertificateError> {
        Present::load(&self.cert_file, &self.key_file).map(LoadedCertificate)
    }

    /// Presents what [`Self::build`] has loaded; returns whether it is another certificate.
    pub(crate) fn install(&self, loaded: LoadedCertificate) -> bool {
        let before = self.present.swap(Arc::new(loaded.0));
        before.key.cert != self.present.load().key.cert
    }

    /// Loads both files again; returns whether they hold another certificate. On an error the present one stays.
    pub fn reload(&self) -> Result<bool, ServerCertificateError> {
        self.build().map(|loaded| self.install(loaded))
    }

    /// The last second the present certificate is valid.
    pub fn not_after(&self) -> UnixTime {
        self.present.load().not_after
    }

    /// What devices will not put up with, in words.
    pub fn warning(&self) -> Option<String> {
        let present = self.present.load();
        let chain = &present.key.cert;
        let length: usize = chain.iter().map(|certificate| certificate.len()).sum();
        (length > DEVICE_CHAIN_LEN).then(|| {
            format!(
                "microcontrollers will not connect: the {} certificates in {} are {length} bytes long, and their TLS takes \
                 {DEVICE_CHAIN_LEN}; the broker's and that of the CA that issued it are enough",
                chain.len(),
                self.cert_file.display(),
            )
        })
    }

    /// The files it comes from: certificate, key.
    pub fn files(&self) -> [&Path; 2] {
        [&self.cert_file, &self.key_file]
    }
}

impl Present {
    fn load(cert_file: &Path, key_file: &Path) -> Result<Self, ServerCertificateError> {
        let read = |file: &Path| {
            std::fs::read(file)
                .map_err(|source| ServerCertificateError::Read { file: file.to_owned(), source })
        };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(cert_file)?)
            .collect::<Result<_, _>>()
            .map_err(|_| ServerCertificateError::NoCertificate { file: cert_file.to_owned() })?;
        let leaf = chain
            .first()
            .ok_or_else(|| ServerCertificateError::NoCertificate { file: cert_file.to_owned() })?;
        let not_after = PeerCertificate::parse(leaf)
            .map_err(|source| ServerCertificateError::Certificate { file: cert_file.to_owned(), source })?
            .not_after();
        let bad_key = |detail: String| ServerCertificateError::Key { file: key_file.to_owned(), detail };
        let pem = Zeroizing::new(read(key_file)?);
        let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| bad_key(error.to_string()))?;
        let key = CertifiedKey::from_der(chain, key, &crypto_provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => ServerCertificateError::Mismatch {
                key_file: key_file.to_owned(),
                cert_file: cert_file.to_owned(),
            },
            error => bad_key(error.to_string()),
        })?;
        Ok(Self { key: Arc::new(key), not_after })
    }
}

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.present.load().key))
    }
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCertificate").field("cert_file", &self.cert_file).finish_non_exhaustive()
    }
}
