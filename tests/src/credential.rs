//! A certificate and the key that goes with it: what a client shows.

use std::fs;
use std::path::{Path, PathBuf};

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, X509Certificate};

/// PEM files of a certificate chain, leaf first, and of its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The chain.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

impl Credential {
    /// The chain, leaf first.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect)
            .unwrap_or_else(|error| panic!("{}: {error}", self.certificate.display()))
    }

    /// The private key.
    pub fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_file(&self.key)
            .unwrap_or_else(|error| panic!("{}: {error}", self.key.display()))
    }

    /// The serial number of the leaf: its DER content octets.
    pub fn serial(&self) -> Vec<u8> {
        let chain = self.chain();
        let (_, leaf) = X509Certificate::from_der(&chain[0]).expect("the leaf is a certificate");
        leaf.raw_serial().to_vec()
    }

    /// Copies both files into `directory`, for what a later issue will overwrite.
    pub fn keep_in(&self, directory: &Path) -> Self {
        fs::create_dir_all(directory).expect("a directory can be made");
        let copy = |file: &Path| {
            let kept = directory.join(file.file_name().expect("a file has a name"));
            fs::copy(file, &kept).expect("a file can be copied");
            kept
        };
        Self { certificate: copy(&self.certificate), key: copy(&self.key) }
    }
}
