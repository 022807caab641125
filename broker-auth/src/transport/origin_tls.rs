//! [`OriginTls`]: the TLS by which an origin is asked, swapped when its files change.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use broker_rules::store::read_file;
use fetch::{Roots, RootsError};
use parking_lot::Mutex;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::crypto_provider::crypto_provider;

/// The files of `[listener.upstream-tls]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OriginTlsFiles {
    /// PEM: the CAs that its certificate is issued by.
    pub(crate) ca: PathBuf,
    /// PEM: the certificate that it is shown, and its key.
    pub(crate) shown: Option<(PathBuf, PathBuf)>,
}

/// The TLS by which an origin is asked.
pub(crate) struct OriginTls {
    files: OriginTlsFiles,
    present: ArcSwap<LoadedOriginTls>,
    /// Why the files were refused when they were last read.
    refused: Mutex<Option<String>>,
}

/// Files of `[listener.upstream-tls]`, loaded and not yet used.
pub(crate) struct LoadedOriginTls {
    config: Arc<ClientConfig>,
    /// What the files hold but the key, which is that of the first certificate shown.
    certificates: [Vec<CertificateDer<'static>>; 2],
}

/// Why a file of `[listener.upstream-tls]` cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OriginTlsError {
    /// The CAs.
    #[error(transparent)]
    Ca(#[from] RootsError),
    /// A file cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no PEM.
    #[error("{} cannot be used: {detail}", file.display())]
    Pem {
        /// Which.
        file: PathBuf,
        /// Why, without a word of a key.
        detail: String,
    },
    /// Certificate and key do not go together.
    #[error("{} and {} cannot be used: {source}", certificate.display(), key.display())]
    Shown {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
        /// Why, without a word of the key.
        source: rustls::Error,
    },
    /// The versions of TLS are not there.
    #[error("no TLS configuration could be made: {0}")]
    Versions(rustls::Error),
}

impl OriginTlsError {
    /// Whether the same files may be accepted later.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::Ca(RootsError::Read { .. }))
    }
}

impl OriginTls {
    /// TLS to an origin whose certificate one of the CAs in `files` has issued.
    ///
    /// # Errors
    /// A file is not what it should be.
    pub(crate) fn load(files: OriginTlsFiles) -> Result<Arc<Self>, OriginTlsError> {
        let present = ArcSwap::from_pointee(LoadedOriginTls::load(&files)?);
        Ok(Arc::new(Self { files, present, refused: Mutex::default() }))
    }

    /// Loads the files again, and changes nothing.
    ///
    /// # Errors
    /// What was loaded before stays.
    pub(crate) fn build(&self) -> Result<LoadedOriginTls, OriginTlsError> {
        LoadedOriginTls::load(&self.files)
    }

    /// Asks by what [`Self::build`] has loaded from here on. Whether it is something else than before.
    pub(crate) fn install(&self, loaded: LoadedOriginTls) -> bool {
        *self.refused.lock() = None;
        let is_new = self.present.load().certificates != loaded.certificates;
        if is_new {
            self.present.store(Arc::new(loaded));
        }
        is_new
    }

    /// Loads the files again, and asks by what they hold: as [`Self::install`].
    ///
    /// # Errors
    /// What was loaded before stays.
    pub(crate) fn reload(&self) -> Result<bool, OriginTlsError> {
        let built = self.build();
        *self.refused.lock() = built.as_ref().err().map(ToString::to_string);
        built.map(|loaded| self.install(loaded))
    }

    /// Why the files were refused when they were last read, if they were; those of before are used.
    pub(crate) fn refused(&self) -> Option<String> {
        self.refused.lock().clone()
    }

    /// What a connection is opened by.
    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.present.load().config)
    }

    /// The files it comes from.
    pub(crate) fn files(&self) -> Vec<&Path> {
        let shown = self.files.shown.iter().flat_map(|(certificate, key)| [certificate, key]);
        std::iter::once(&self.files.ca).chain(shown).map(PathBuf::as_path).collect()
    }
}

impl LoadedOriginTls {
    fn load(files: &OriginTlsFiles) -> Result<Self, OriginTlsError> {
        let (anchors, store) = Roots::read_files(std::slice::from_ref(&files.ca))?;
        let builder = ClientConfig::builder_with_provider(crypto_provider())
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(OriginTlsError::Versions)?
            .with_root_certificates(store);
        let (mut config, shown) = match &files.shown {
            None => (builder.with_no_client_auth(), Vec::new()),
            Some((certificate, key)) => {
                let (chain, private) = read_shown(certificate, key)?;
                let config = builder.with_client_auth_cert(chain.clone(), private);
                let config = config.map_err(|source| OriginTlsError::Shown {
                    certificate: certificate.clone(),
                    key: key.clone(),
                    source,
                })?;
                (config, chain)
            }
        };
        // A resumed handshake shows no certificate: one that has ended, or whose CA is gone, would go on to be trusted.
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), certificates: [anchors, shown] })
    }
}

fn read_shown(
    certificate: &Path,
    key: &Path,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), OriginTlsError> {
    let read = |file: &Path| {
        read_file(file).map_err(|source| OriginTlsError::Read { file: file.to_owned(), source })
    };
    let refused = |file: &Path, detail: String| OriginTlsError::Pem { file: file.to_owned(), detail };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<Result<_, _>>()
        .map_err(|error| refused(certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(refused(certificate, "it holds no certificate in PEM".to_owned()));
    }
    let pem = Zeroizing::new(read(key)?);
    let private = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| refused(key, error.to_string()))?;
    Ok((chain, private))
}

impl fmt::Debug for OriginTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OriginTls").field("files", &self.files).finish_non_exhaustive()
    }
}
