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

use authenticator::certificate::{
    CertificateError, Ending, KeyKind, OwnCertificate, OwnCertificateFault, timestamp,
};
use authenticator::origin::ServerName;
use broker_rules::store::read_file;
use parking_lot::Mutex;

use super::crypto_provider::{MAX_RECORD_LEN, crypto_provider};

/// How long the chain may be for devices, bytes. What the broker says in the handshake goes out in records of
/// [`MAX_RECORD_LEN`]; what does not fit into the first is cut somewhere, and a device puts nothing together. The other
/// messages take less than 200 bytes.
const DEVICE_CHAIN_LEN: usize = MAX_RECORD_LEN - 248;

/// What to do about a server certificate that clients refuse.
pub(crate) const UNUSABLE_CERTIFICATE: &str = "put a certificate there that is valid now, names the broker and is for server \
                                   authentication: `countersign-provision broker-cert` issues one";

/// The broker's certificate chain and key.
pub struct ServerCertificate {
    cert_file: PathBuf,
    key_file: PathBuf,
    /// The names that clients ask for it by, and then look for in it.
    server_names: Vec<ServerName>,
    present: ArcSwap<Present>,
    /// Why the files were refused when they were last read.
    refused: Mutex<Option<String>>,
}

struct Present {
    key: Arc<CertifiedKey>,
    certificate: OwnCertificate,
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
    /// Clients would refuse it, and they accept the present one.
    #[error("clients refuse the certificate in {}: {fault}", cert_file.display())]
    RefusedByClients {
        /// The certificate file.
        cert_file: PathBuf,
        /// Why.
        fault: OwnCertificateFault,
    },
}

impl ServerCertificateError {
    /// Whether the same files may be accepted later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Read { .. } => true,
            Self::RefusedByClients { fault, .. } => matches!(fault, OwnCertificateFault::NotYetValid(_)),
            Self::NoCertificate { .. }
            | Self::Certificate { .. }
            | Self::Key { .. }
            | Self::Mismatch { .. } => false,
        }
    }

    /// What the operator does about it.
    pub(crate) fn help(&self) -> &'static str {
        match self {
            Self::RefusedByClients { .. } => UNUSABLE_CERTIFICATE,
            _ => "give the broker a certificate (leaf first) and its key, in PEM",
        }
    }
}

/// Why the broker's certificate is refused, in words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// No client accepts it.
    pub(crate) by_clients: Vec<String>,
    /// Agents do not accept it; other clients may.
    pub(crate) by_agents: Vec<String>,
}

impl Faults {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &String> {
        self.by_clients.iter().chain(&self.by_agents)
    }
}

/// A certificate and its key, loaded and not yet presented.
pub(crate) struct LoadedCertificate(Present);

impl ServerCertificate {
    /// Loads certificate chain (leaf first) and key, both PEM, for clients that ask for `server_names`.
    pub fn load(
        cert_file: &Path,
        key_file: &Path,
        server_names: &[ServerName],
    ) -> Result<Arc<Self>, ServerCertificateError> {
        Ok(Arc::new(Self {
            present: ArcSwap::from_pointee(Present::load(cert_file, key_file)?),
            cert_file: cert_file.to_owned(),
            key_file: key_file.to_owned(),
            server_names: server_names.to_vec(),
            refused: Mutex::default(),
        }))
    }

    /// Loads both files again, and changes nothing. A certificate that clients refuse at `now` does not replace one that
    /// they accept.
    ///
    /// # Errors
    /// The present certificate stays.
    pub(crate) fn build(&self, now: UnixTime) -> Result<LoadedCertificate, ServerCertificateError> {
        let loaded = Present::load(&self.cert_file, &self.key_file)?;
        let present = self.present.load();
        if loaded.key.cert != present.key.cert
            && Self::refused_by_all(&present.certificate, now).is_none()
            && let Some(fault) = Self::refused_by_all(&loaded.certificate, now)
        {
            return Err(ServerCertificateError::RefusedByClients {
                cert_file: self.cert_file.clone(),
                fault,
            });
        }
        Ok(LoadedCertificate(loaded))
    }

    fn refused_by_all(certificate: &OwnCertificate, now: UnixTime) -> Option<OwnCertificateFault> {
        certificate.faults(now).into_iter().find(OwnCertificateFault::is_refused_by_all)
    }

    /// Presents what [`Self::build`] has loaded. `None`: it is the same certificate; else what should be looked at.
    pub(crate) fn install(&self, loaded: LoadedCertificate) -> Option<Vec<String>> {
        let before = self.present.swap(Arc::new(loaded.0));
        *self.refused.lock() = None;
        let present = self.present.load();
        (before.key.cert != present.key.cert).then(|| {
            let kept = present.certificate.names();
            let mut lost = before.certificate.names();
            lost.retain(|name| !kept.contains(name));
            let mut warnings = self.warnings();
            if !lost.is_empty() {
                warnings.push(format!(
                    "the new certificate in {} is no longer for {}: clients that connect to the broker by that name refuse it",
                    self.cert_file.display(),
                    lost.join(" ")
                ));
            }
            warnings
        })
    }

    /// Loads both files again, and presents what they hold: as [`Self::install`]. On an error the present one stays.
    pub fn reload(&self, now: UnixTime) -> Result<Option<Vec<String>>, ServerCertificateError> {
        let built = self.build(now);
        *self.refused.lock() = built.as_ref().err().map(ToString::to_string);
        built.map(|loaded| self.install(loaded))
    }

    /// Why the files were refused when they were last read, if they were; the certificate of before is presented.
    pub(crate) fn refused(&self) -> Option<String> {
        self.refused.lock().clone()
    }

    /// What the present certificate says.
    pub(crate) fn certificate(&self) -> OwnCertificate {
        self.present.load().certificate.clone()
    }

    /// Why all clients, or agents, refuse the present certificate at `now`, in words.
    pub(crate) fn faults(&self, now: UnixTime) -> Faults {
        let present = self.present.load();
        let file = self.cert_file.display();
        let mut faults = Faults::default();
        for fault in present.certificate.faults(now) {
            if fault.is_refused_by_all() {
                faults.by_clients.push(format!("clients refuse the certificate in {file}: {fault}"));
            } else {
                faults.by_agents.push(format!("agents refuse the certificate in {file}: {fault}"));
            }
        }
        faults
    }

    /// What microcontrollers will not put up with, in words.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let present = self.present.load();
        let (chain, file) = (&present.key.cert, self.cert_file.display());
        let mut warnings = Vec::new();
        let length: usize = chain.iter().map(|certificate| certificate.len()).sum();
        if length > DEVICE_CHAIN_LEN {
            warnings.push(format!(
                "microcontrollers will not connect: the {} certificates in {file} are {length} bytes long, and their TLS takes \
                 {DEVICE_CHAIN_LEN}; the broker's and that of the CA that issued it are enough",
                chain.len(),
            ));
        }
        if let Some(key) = present.certificate.key().filter(|key| **key != KeyKind::P256) {
            warnings.push(format!(
                "microcontrollers will not connect: the certificate in {file} has a key of the kind {key}, and they verify \
                 ECDSA on P-256 alone"
            ));
        }
        warnings.extend(self.missing_names().map(|name| {
            format!("clients that ask for {name} refuse the certificate in {file}: it does not name it")
        }));
        warnings
    }

    /// The server names that the present certificate is not for.
    fn missing_names(&self) -> impl Iterator<Item = &ServerName> {
        let present = self.present.load();
        let leaf = present.key.cert.first().cloned();
        self.server_names.iter().filter(move |name| {
            let certificate = leaf.as_ref().and_then(|leaf| webpki::EndEntityCert::try_from(leaf).ok());
            let wanted = rustls_pki_types::ServerName::try_from(name.as_str()).ok();
            let is_for = certificate
                .zip(wanted)
                .map(|(certificate, wanted)| certificate.verify_is_valid_for_subject_name(&wanted));
            !matches!(is_for, Some(Ok(())))
        })
    }

    /// That the present certificate ends soon, in words; `None` while that is far, or over.
    pub(crate) fn end_is_near(&self, now: UnixTime) -> Option<String> {
        let present = self.present.load();
        match present.certificate.ending(now) {
            Ending::Far | Ending::Over => None,
            Ending::Month | Ending::Fortnight | Ending::ThreeDays | Ending::Day => Some(format!(
                "{} ends at {}: issue a new one with `countersign-provision broker-cert`",
                self.cert_file.display(),
                timestamp(present.certificate.not_after())
            )),
        }
    }

    /// The files it comes from: certificate, key.
    pub fn files(&self) -> [&Path; 2] {
        [&self.cert_file, &self.key_file]
    }
}

impl Present {
    fn load(cert_file: &Path, key_file: &Path) -> Result<Self, ServerCertificateError> {
        let read = |file: &Path| {
            read_file(file).map_err(|source| ServerCertificateError::Read { file: file.to_owned(), source })
        };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(cert_file)?)
            .collect::<Result<_, _>>()
            .map_err(|_| ServerCertificateError::NoCertificate { file: cert_file.to_owned() })?;
        let leaf = chain
            .first()
            .ok_or_else(|| ServerCertificateError::NoCertificate { file: cert_file.to_owned() })?;
        let certificate = OwnCertificate::parse(leaf)
            .map_err(|source| ServerCertificateError::Certificate { file: cert_file.to_owned(), source })?;
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
        Ok(Self { key: Arc::new(key), certificate })
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
