//! The rustls configuration by which an origin is asked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::crypto_provider::crypto_provider;

/// Why a file of `[listener.upstream-tls]` cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OriginTlsError {
    /// It cannot be read, or is no PEM.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// It holds no CA certificate that can be used.
    #[error("{} holds no CA certificate", file.display())]
    NoAnchor {
        /// Which.
        file: PathBuf,
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

/// TLS to an origin whose certificate one of the CAs in `ca` has issued; it is shown the certificate and key of `shown`.
///
/// # Errors
/// A file is not what it should be.
pub(crate) fn origin_tls(
    ca: &Path,
    shown: Option<(&Path, &Path)>,
) -> Result<Arc<ClientConfig>, OriginTlsError> {
    let read = |file: &Path| {
        let unread = |source| OriginTlsError::Read { file: file.to_owned(), source };
        CertificateDer::pem_file_iter(file).map_err(unread)?.collect::<Result<Vec<_>, _>>().map_err(unread)
    };
    let mut anchors = RootCertStore::empty();
    let (added, _) = anchors.add_parsable_certificates(read(ca)?);
    if added == 0 {
        return Err(OriginTlsError::NoAnchor { file: ca.to_owned() });
    }
    let builder = ClientConfig::builder_with_provider(crypto_provider())
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(OriginTlsError::Versions)?
        .with_root_certificates(anchors);
    let mut config = match shown {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let private = PrivateKeyDer::from_pem_file(key)
                .map_err(|source| OriginTlsError::Read { file: key.to_owned(), source })?;
            builder.with_client_auth_cert(read(certificate)?, private).map_err(|source| {
                OriginTlsError::Shown { certificate: certificate.to_owned(), key: key.to_owned(), source }
            })?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
