//! TLS for the demo's own clients: this root for the broker, these papers or none.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::trouble::Trouble;

/// A certificate, with or without its chain, and its key.
pub(super) struct Papers {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Papers {
    /// From PEM files.
    pub(super) fn read((certificate, key): &(impl AsRef<Path>, impl AsRef<Path>)) -> Result<Self, Trouble> {
        let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect).map_err(setup)?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(setup)?;
        Ok(Self { chain, key })
    }
}

/// A client that knows the broker by `broker_root` and shows `papers`.
pub(super) fn client(broker_root: &Path, papers: Option<&Papers>) -> Result<Arc<ClientConfig>, Trouble> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(broker_root).map_err(setup)?).map_err(setup)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(setup)?
        .with_root_certificates(roots);
    let config = match papers {
        Some(Papers { chain, key }) => {
            builder.with_client_auth_cert(chain.clone(), key.clone_key()).map_err(setup)?
        }
        None => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

/// A fault in what the demo itself has made.
pub(super) fn setup(error: impl std::fmt::Display) -> Trouble {
    Trouble::Setup(error.to_string())
}
