//! [`Issuer`]: an issuing CA, ready to sign. The only holder of a CA key.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use crate::authority::Authority;
use crate::certificate::{self, CertificateError};
use crate::fleet::Fleet;
use crate::grant::Grant;
use crate::holder::Holder;
use crate::key::{CaKey, KeyFileError, KeyPair, Passphrase};
use crate::pem::{self, Label};
use crate::profile::Validity;
use crate::serial::{self, SerialNumber};
use crate::timestamp::Timestamp;
use crate::verify::{Chain, ChainError, VerifiedCertificate, VerifyError};

/// An issuing CA whose key was opened and found to belong to its certificate.
pub struct Issuer {
    chain: Chain,
    signer: rcgen::Issuer<'static, CaKey>,
}

/// Why an issuing CA cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// A file that cannot be read.
    #[error("cannot read {path}: {source}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file that holds no certificate.
    #[error("{path} holds no single PEM certificate", path = .path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
    },
    /// A CA certificate that is wrong or has ended.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A key file that gave no key.
    #[error("{path}: {fault}", path = .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: KeyFileError,
    },
    /// A CA whose certificates would not be believed.
    #[error("what {authority} signs does not verify: {fault}")]
    Probe {
        /// Which CA.
        authority: Authority,
        /// What is wrong with its probe.
        fault: String,
    },
    /// A key that belongs to another certificate.
    #[error("{key} is not the key of {certificate}", key = .key.display(), certificate = .certificate.display())]
    Mismatch {
        /// The key file.
        key: PathBuf,
        /// The certificate file.
        certificate: PathBuf,
    },
}

/// Why an issuing CA did not sign.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The certificate could not be made.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The certificate was made and is wrong.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

/// What a probe certificate says; nobody ever reads it.
const PROBE_ORGANIZATION: &str = "probe";
const PROBE_SERIAL: [u8; serial::LEN] = [1; serial::LEN];

/// The longest CA file that is read, in bytes.
const MAX_FILE: u64 = 64 * 1024;

impl Issuer {
    /// Opens an authority's issuing CA: its chain is valid `now`, and the key is the certificate's.
    pub fn open(
        fleet: &Fleet,
        authority: Authority,
        passphrase: &Passphrase,
        now: Timestamp,
    ) -> Result<Self, IssuerError> {
        let chain = read_chain(fleet, authority, now)?;
        let path = fleet.issuing_key(authority);
        let text = Zeroizing::new(read(&path)?);
        let key = |fault| IssuerError::Key { path: path.clone(), fault };
        let text = std::str::from_utf8(&text).map_err(|_| key(KeyFileError::Format))?;
        let pair = KeyPair::unseal(text, passphrase).map_err(key)?;
        let ca_key = CaKey::new(&pair).ok_or_else(|| key(KeyFileError::NotP256))?;
        let mismatch =
            || IssuerError::Mismatch { key: path.clone(), certificate: fleet.issuing_certificate(authority) };
        if ca_key.public() != chain.public_key() {
            return Err(mismatch());
        }
        let issuer = Self::new(chain, ca_key).ok_or_else(mismatch)?;
        issuer.probe(authority, now)?;
        Ok(issuer)
    }

    /// Signs a certificate that goes nowhere and checks it over the whole path to the root, so that a CA that would
    /// sign in vain is found before anything is made. (Given a CA certificate with a subject it cannot represent,
    /// rcgen quietly writes another issuer name into what it signs.)
    fn probe(&self, authority: Authority, now: Timestamp) -> Result<(), IssuerError> {
        let unable = |fault: String| IssuerError::Probe { authority, fault };
        let missing = || unable("no probe could be made".to_owned());
        let grant = Grant {
            holder: Holder::probe(authority).ok_or_else(missing)?,
            organization: PROBE_ORGANIZATION.parse().map_err(|_| missing())?,
            public_key: self.chain.public_key().clone(),
            validity: Validity::of_existing(now, now),
            serial: SerialNumber::from_bytes(PROBE_SERIAL).ok_or_else(missing)?,
        };
        let certificate =
            certificate::end_entity(&grant, &self.signer).map_err(|error| unable(error.to_string()))?;
        self.chain.verify_probe(certificate.der(), &grant, now).map_err(|error| unable(error.fault))
    }

    /// From a checked chain and the key of its issuing CA.
    pub(crate) fn new(chain: Chain, key: CaKey) -> Option<Self> {
        let certificate = CertificateDer::from(chain.issuing());
        let signer = rcgen::Issuer::from_ca_cert_der(&certificate, key).ok()?;
        Some(Self { chain, signer })
    }

    /// The chain certificates of this CA hang from.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Signs what was granted, and reads it again with other libraries.
    pub fn issue(&self, grant: &Grant, now: Timestamp) -> Result<VerifiedCertificate, IssueError> {
        let certificate = certificate::end_entity(grant, &self.signer)?;
        Ok(self.chain.verify_end_entity(certificate.der(), grant, now)?)
    }

    /// What signs CRLs, for `crl`.
    pub(crate) fn signer(&self) -> &rcgen::Issuer<'static, CaKey> {
        &self.signer
    }
}

/// Reads and checks an authority's root and issuing certificates. Needs no key.
pub fn read_chain(fleet: &Fleet, authority: Authority, now: Timestamp) -> Result<Chain, IssuerError> {
    let (root_path, issuing_path) = (fleet.root_certificate(authority), fleet.issuing_certificate(authority));
    let (root, issuing) = (read_certificate(&root_path)?, read_certificate(&issuing_path)?);
    Ok(Chain::verify((&root, &root_path), (&issuing, &issuing_path), now)?)
}

fn read_certificate(path: &Path) -> Result<Vec<u8>, IssuerError> {
    let not_pem = || IssuerError::NotPem { path: path.to_owned() };
    let mut sections = pem::decode(&read(path)?).map_err(|_| not_pem())?;
    match (sections.pop(), sections.is_empty()) {
        (Some(section), true) if section.label == Label::Certificate => Ok(section.der.to_vec()),
        _ => Err(not_pem()),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, IssuerError> {
    let read_error = |source| IssuerError::Read { path: path.to_owned(), source };
    if fs::metadata(path).map_err(read_error)?.len() > MAX_FILE {
        return Err(IssuerError::NotPem { path: path.to_owned() });
    }
    fs::read(path).map_err(read_error)
}
