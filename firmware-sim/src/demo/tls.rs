//! TLS for the clients of this process: one trusted root, and a client certificate or none.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::error::DemoError;

/// A certificate chain, leaf first, and the private key of the leaf.
pub(super) struct Credentials {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Credentials {
    /// Reads the PEM files of a certificate chain and of a private key.
    pub(super) fn read((certificate, key): &(impl AsRef<Path>, impl AsRef<Path>)) -> Result<Self, DemoError> {
        let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect).map_err(setup)?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(setup)?;
        Ok(Self { chain, key })
    }
}

/// The configuration of a client that trusts `broker_root` and presents `credentials`.
pub(super) fn client(
    broker_root: &Path,
    credentials: Option<&Credentials>,
) -> Result<Arc<ClientConfig>, DemoError> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(broker_root).map_err(setup)?).map_err(setup)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(setup)?
        .with_root_certificates(roots);
    let config = match credentials {
        Some(Credentials { chain, key }) => {
            builder.with_client_auth_cert(chain.clone(), key.clone_key()).map_err(setup)?
        }
        None => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

/// An error of the demo's own set-up.
pub(super) fn setup(error: impl std::fmt::Display) -> DemoError {
    DemoError::Setup(error.to_string())
}
