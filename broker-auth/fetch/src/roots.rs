//! [`Roots`]: the CAs that the certificates of HTTPS servers are checked against.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject};
use tokio_rustls::TlsConnector;

/// The CAs that the certificates of HTTPS servers are checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roots {
    /// Those that this system trusts (or `SSL_CERT_FILE` and `SSL_CERT_DIR` name). If there are none, `https` fails, and
    /// `http` works.
    System,
    /// Those in these files, in PEM, and no others.
    Files(Vec<PathBuf>),
}

/// Why there is nothing to check the certificates of HTTPS servers against.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds no CA certificate in PEM, or something else beside.
    #[error("{} holds no CA certificates in PEM: {detail}", file.display())]
    Certificate {
        /// Which.
        file: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The TLS library refuses its own settings.
    #[error("TLS cannot be used: {0}")]
    Tls(rustls::Error),
}

impl RootsError {
    /// What the operator does about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Read { .. } | Self::Certificate { .. } => {
                "name PEM files with the CAs of the servers that files are fetched from"
            }
            Self::Tls(_) => "this is a fault of the program: report it",
        }
    }
}

impl Roots {
    /// Reads the CAs in `files`, in PEM: as they are, and as what certificates are verified against.
    ///
    /// # Errors
    /// A file cannot be read, or holds something else than CA certificates.
    pub fn read_files(
        files: &[PathBuf],
    ) -> Result<(Vec<CertificateDer<'static>>, RootCertStore), RootsError> {
        let (mut read, mut store) = (Vec::new(), RootCertStore::empty());
        for file in files {
            let refused = |detail: String| RootsError::Certificate { file: file.clone(), detail };
            let bytes = contents(file).map_err(|source| RootsError::Read { file: file.clone(), source })?;
            let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&bytes)
                .collect::<Result<_, pem::Error>>()
                .map_err(|error| refused(error.to_string()))?;
            if certificates.is_empty() {
                return Err(refused("there is none".into()));
            }
            for certificate in certificates {
                store.add(certificate.clone()).map_err(|error| refused(error.to_string()))?;
                read.push(certificate);
            }
        }
        Ok((read, store))
    }

    /// What makes TLS of a connection; none without a trusted CA.
    pub(crate) fn connector(&self) -> Result<Option<TlsConnector>, RootsError> {
        let store = match self {
            Self::System => system_store(),
            Self::Files(files) => Self::read_files(files)?.1,
        };
        if store.is_empty() {
            return Ok(None);
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(RootsError::Tls)?
            .with_root_certificates(store)
            .with_no_client_auth();
        // A resumed handshake shows no certificate, and one fetch an hour gains nothing by it.
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some(TlsConnector::from(Arc::new(config))))
    }
}

/// Certificates in a system's store that cannot be read are left out: no server needs them.
fn system_store() -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    store
}

/// All CAs that a system trusts take less than a quarter of a megabyte.
const MAX_LEN: u64 = 16 * 1024 * 1024;

fn contents(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(MAX_LEN + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_LEN {
        return Err(io::Error::other("the file is larger than 16 MiB"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_without_certificates_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let with = |content: &[u8]| {
            let file = directory.path().join("ca.pem");
            std::fs::write(&file, content).unwrap();
            Roots::Files(vec![file]).connector().map(|connector| connector.is_some())
        };
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(["ca".to_owned()]).unwrap().self_signed(&key).unwrap();
        assert!(with(certificate.pem().as_bytes()).unwrap());
        let broken = certificate.pem().replace("-----END", "----END");
        let not_base64 = certificate.pem().replacen("MII", "M!I", 1);
        let not_a_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for content in ["", "hello", &key.serialize_pem(), &broken, &not_base64, not_a_certificate] {
            assert!(matches!(with(content.as_bytes()), Err(RootsError::Certificate { .. })), "{content}");
        }
        let absent = Roots::Files(vec![directory.path().join("absent.pem")]).connector();
        assert!(matches!(absent, Err(RootsError::Read { .. })));
    }
}
