//! [`Issuer`]: an issuing CA, ready to sign. No other type holds the key of an issuing CA.

use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use crate::authority::Authority;
use crate::certificate::{self, CertificateError};
use crate::certificate_spec::CertificateSpec;
use crate::certificate_subject::CertificateSubject;
use crate::fleet::{Fleet, ReadError, read_regular};
use crate::key::{CaKey, KeyFileError, KeyPair, Passphrase, Reading};
use crate::pem::{self, Label};
use crate::profile::Validity;
use crate::serial::{self, SerialNumber};
use crate::timestamp::Timestamp;
use crate::verify::{Chain, ChainError, ChainFault, VerifiedCertificate, VerifyError};

/// An issuing CA whose key was decrypted and matches its certificate.
pub(crate) struct Issuer {
    chain: Chain,
    signer: rcgen::Issuer<'static, CaKey>,
    reading: Reading,
}

/// Why an issuing CA cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IssuerError {
    /// A file that cannot be read.
    #[error("cannot read {path}: {source}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: ReadError,
    },
    /// A file that does not hold exactly one certificate.
    #[error("{path} holds no single PEM certificate", path = .path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
    },
    /// A CA certificate that is invalid or expired.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A key file that cannot be used.
    #[error("{path}: {fault}", path = .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: KeyFileError,
    },
    /// A CA whose signatures do not verify.
    #[error("what {authority} signs does not verify: {fault}")]
    Probe {
        /// Which CA.
        authority: Authority,
        /// What is wrong with its probe certificate.
        fault: String,
    },
    /// A key that does not match the certificate.
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
pub(crate) enum IssueError {
    /// The certificate could not be written or signed.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The signed certificate does not say what was specified.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

/// The organization and the serial number of probe certificates.
const PROBE_ORGANIZATION: &str = "probe";
const PROBE_SERIAL: [u8; serial::LEN] = [1; serial::LEN];

/// The longest file of a CA certificate or key that is read, in bytes.
const MAX_CA_FILE_LEN: usize = 64 * 1024;

impl Issuer {
    /// Opens an authority's issuing CA, and checks that its chain is valid `now` and that its key matches.
    pub(crate) fn open(
        fleet: &Fleet,
        authority: Authority,
        passphrase: &Passphrase,
        now: Timestamp,
    ) -> Result<Self, IssuerError> {
        let chain = read_chain(fleet, authority, now)?;
        let path = fleet.issuing_key(authority);
        let text = read(&path)?;
        let key = |fault| IssuerError::Key { path: path.clone(), fault };
        let text = std::str::from_utf8(&text).map_err(|_| key(KeyFileError::Format))?;
        let unsealed = KeyPair::unseal_by(text, passphrase).map_err(key)?;
        let ca_key = CaKey::new(&unsealed.key).ok_or_else(|| key(KeyFileError::NotP256))?;
        let mismatch =
            || IssuerError::Mismatch { key: path.clone(), certificate: fleet.issuing_certificate(authority) };
        if ca_key.public() != chain.public_key() {
            return Err(mismatch());
        }
        let issuer = Self { reading: unsealed.reading, ..Self::new(chain, ca_key).ok_or_else(mismatch)? };
        issuer.probe(authority, now)?;
        Ok(issuer)
    }

    /// Like [`Issuer::open`], by the time of the CA's own validity that is nearest to `now`. For revocations: they wait for
    /// no clock to be set.
    pub(crate) fn open_for_revoking(
        fleet: &Fleet,
        authority: Authority,
        passphrase: &Passphrase,
        now: Timestamp,
    ) -> Result<Self, IssuerError> {
        let (_, within) = read_chain_for_revoking(fleet, authority, now)?;
        Self::open(fleet, authority, passphrase, within)
    }

    /// Signs a probe certificate and checks it over the whole path to the root, so that a CA whose signatures do not
    /// verify is found before anything is issued. (If rcgen cannot represent the subject of a CA certificate, it writes
    /// another issuer name into what it signs, without an error.)
    fn probe(&self, authority: Authority, now: Timestamp) -> Result<(), IssuerError> {
        let unable = |fault: String| IssuerError::Probe { authority, fault };
        let missing = || unable("no probe could be made".to_owned());
        let spec = CertificateSpec {
            subject: CertificateSubject::probe(authority).ok_or_else(missing)?,
            organization: PROBE_ORGANIZATION.parse().map_err(|_| missing())?,
            public_key: self.chain.public_key().clone(),
            validity: Validity::of_existing(now, now),
            serial: SerialNumber::from_bytes(PROBE_SERIAL).ok_or_else(missing)?,
        };
        let certificate =
            certificate::end_entity(&spec, &self.signer).map_err(|error| unable(error.to_string()))?;
        self.chain.verify_probe(certificate.der(), &spec, now).map_err(|error| unable(error.fault))
    }

    /// From a checked chain and the key of its issuing CA; `None` if rcgen cannot read the certificate.
    pub(crate) fn new(chain: Chain, key: CaKey) -> Option<Self> {
        let certificate = CertificateDer::from(chain.issuing());
        let signer = rcgen::Issuer::from_ca_cert_der(&certificate, key).ok()?;
        Some(Self { chain, signer, reading: Reading::Openssl })
    }

    /// The root and issuing certificates of this CA.
    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// By which reading of the passphrase its key was opened.
    pub(crate) fn passphrase_reading(&self) -> Reading {
        self.reading
    }

    /// Signs a certificate to this specification, and checks it with other libraries.
    pub(crate) fn issue(
        &self,
        spec: &CertificateSpec,
        now: Timestamp,
    ) -> Result<VerifiedCertificate, IssueError> {
        let certificate = certificate::end_entity(spec, &self.signer)?;
        Ok(self.chain.verify_end_entity(certificate.der(), spec, now)?)
    }

    /// The signer for `crl`.
    pub(crate) fn signer(&self) -> &rcgen::Issuer<'static, CaKey> {
        &self.signer
    }
}

/// Reads and checks an authority's root and issuing certificates, without its keys.
pub(crate) fn read_chain(fleet: &Fleet, authority: Authority, now: Timestamp) -> Result<Chain, IssuerError> {
    let (root_path, issuing_path) = (fleet.root_certificate(authority), fleet.issuing_certificate(authority));
    let (root, issuing) = (read_certificate(&root_path)?, read_certificate(&issuing_path)?);
    Ok(Chain::verify((&root, &root_path), (&issuing, &issuing_path), now)?)
}

/// Like [`read_chain`], by the time within the validity of both certificates that is nearest to `now`; and that time.
pub(crate) fn read_chain_for_revoking(
    fleet: &Fleet,
    authority: Authority,
    now: Timestamp,
) -> Result<(Chain, Timestamp), IssuerError> {
    let mut within = now;
    // Each certificate moves the time once; two that have no time in common are refused the third time.
    for _ in 0..2 {
        match read_chain(fleet, authority, within) {
            Err(IssuerError::Chain(ChainError { fault: ChainFault::NotYetValid { not_before }, .. })) => {
                within = not_before;
            }
            Err(IssuerError::Chain(ChainError { fault: ChainFault::Expired { not_after }, .. })) => {
                within = not_after;
            }
            other => return Ok((other?, within)),
        }
    }
    Ok((read_chain(fleet, authority, within)?, within))
}

fn read_certificate(path: &Path) -> Result<Vec<u8>, IssuerError> {
    let not_pem = || IssuerError::NotPem { path: path.to_owned() };
    let mut sections = pem::decode(&read(path)?).map_err(|_| not_pem())?;
    match (sections.pop(), sections.is_empty()) {
        (Some(section), true) if section.label == Label::Certificate => Ok(section.der.to_vec()),
        _ => Err(not_pem()),
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, IssuerError> {
    read_regular(path, MAX_CA_FILE_LEN).map_err(|source| IssuerError::Read { path: path.to_owned(), source })
}
