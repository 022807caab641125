//! [`Chain`]: a root and an issuing CA that belong together and are still valid.

use std::path::{Path, PathBuf};

use rustls_pki_types::{CertificateDer, TrustAnchor};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Version;

use super::extensions::Extensions;
use crate::key::P256PublicKey;
use crate::profile::{ISSUING_PATH_LENGTH, ROOT_PATH_LENGTH};
use crate::timestamp::Timestamp;

/// A root and an issuing CA certificate that belong together, checked.
///
/// webpki takes of a trust anchor only its name and key; that it is a CA, may sign, and is still valid is checked here.
#[derive(Clone)]
pub struct Chain {
    root: CertificateDer<'static>,
    pub(super) issuing: CertificateDer<'static>,
    pub(super) root_anchor: TrustAnchor<'static>,
    pub(super) issuing_anchor: TrustAnchor<'static>,
    /// The issuing CA's subject, DER.
    subject: Vec<u8>,
    /// The issuing CA's subject key identifier.
    key_id: Vec<u8>,
    public_key: P256PublicKey,
    not_after: Timestamp,
}

/// Why two certificates are not a chain, and which of them is at fault.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {fault}", path = .path.display())]
pub struct ChainError {
    /// The file of the certificate at fault.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: ChainFault,
}

/// What is wrong with a CA certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// Not one DER certificate, version 3.
    #[error("this is no X.509 version 3 certificate")]
    Malformed,
    /// Extensions other than those of a CA of its rank.
    #[error("this is no {rank} CA of a fleet: {detail}")]
    Profile {
        /// Root or issuing.
        rank: &'static str,
        /// What it says instead.
        detail: String,
    },
    /// Not signed by the root.
    #[error("it was not issued by the root CA beside it")]
    Issuer,
    /// Its time is over.
    #[error("it ended at {not_after}")]
    Ended {
        /// When.
        not_after: Timestamp,
    },
    /// Its time has not begun.
    #[error("it is valid only from {not_before}; is this machine's clock right?")]
    NotYetValid {
        /// When it begins.
        not_before: Timestamp,
    },
}

impl Chain {
    /// Checks that two DER certificates are a chain at `now`. The paths are for messages.
    pub fn verify(root: (&[u8], &Path), issuing: (&[u8], &Path), now: Timestamp) -> Result<Self, ChainError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |fault| ChainError { path, fault }
        };
        let upper = Ca::read(root.0, "root", ROOT_PATH_LENGTH, now).map_err(at(root.1))?;
        let lower = Ca::read(issuing.0, "issuing", ISSUING_PATH_LENGTH, now).map_err(at(issuing.1))?;
        if !upper.issued(&upper) {
            return Err(at(root.1)(ChainFault::Issuer));
        }
        if !upper.issued(&lower) {
            return Err(at(issuing.1)(ChainFault::Issuer));
        }
        let anchor = |(der, path): (&[u8], &Path)| {
            let der = CertificateDer::from(der.to_vec());
            match webpki::anchor_from_trusted_cert(&der).map(|anchor| anchor.to_owned()) {
                Ok(anchor) => Ok((der, anchor)),
                Err(_) => Err(at(path)(ChainFault::Malformed)),
            }
        };
        let (root, root_anchor) = anchor(root)?;
        let (issuing, issuing_anchor) = anchor(issuing)?;
        Ok(Self {
            root,
            root_anchor,
            issuing,
            issuing_anchor,
            subject: lower.certificate.subject().as_raw().to_vec(),
            key_id: lower.key_id,
            public_key: lower.public_key,
            not_after: lower.not_after,
        })
    }

    /// The root certificate, DER.
    pub fn root(&self) -> &[u8] {
        &self.root
    }

    /// The issuing certificate, DER.
    pub fn issuing(&self) -> &[u8] {
        &self.issuing
    }

    /// The issuing CA's subject as it is in the certificate, DER.
    pub fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// The issuing CA's subject key identifier.
    pub fn key_id(&self) -> &[u8] {
        &self.key_id
    }

    /// The issuing CA's public key.
    pub fn public_key(&self) -> &P256PublicKey {
        &self.public_key
    }

    /// When the issuing CA ends.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }
}

/// A certificate that is a CA of the right rank, valid now.
struct Ca<'a> {
    certificate: X509Certificate<'a>,
    key_id: Vec<u8>,
    authority_key_id: Vec<u8>,
    public_key: P256PublicKey,
    not_after: Timestamp,
}

impl<'a> Ca<'a> {
    fn read(der: &'a [u8], rank: &'static str, path_length: u8, now: Timestamp) -> Result<Self, ChainFault> {
        let Ok(([], certificate)) = X509Certificate::from_der(der) else { return Err(ChainFault::Malformed) };
        if certificate.version() != X509Version::V3 {
            return Err(ChainFault::Malformed);
        }
        let profile = |detail: &str| ChainFault::Profile { rank, detail: detail.to_owned() };
        let extensions = Extensions::read(&certificate).map_err(|detail| profile(&detail))?;
        if !extensions.say_ca(u32::from(path_length)) {
            return Err(profile("basic constraints or key usage differ"));
        }
        let (Some(key_id), Some(authority_key_id)) = (extensions.subject_key_id, extensions.authority_key_id)
        else {
            return Err(profile("it has no key identifiers"));
        };
        let (key_id, authority_key_id) = (key_id.to_vec(), authority_key_id.to_vec());
        let public_key = P256PublicKey::from_spki(certificate.public_key())
            .map_err(|error| profile(&error.to_string()))?;
        let not_before = moment(certificate.validity().not_before.timestamp());
        let not_after = moment(certificate.validity().not_after.timestamp());
        if now < not_before {
            return Err(ChainFault::NotYetValid { not_before });
        }
        if not_after < now {
            return Err(ChainFault::Ended { not_after });
        }
        Ok(Self { certificate, key_id, authority_key_id, public_key, not_after })
    }

    fn issued(&self, lower: &Ca<'_>) -> bool {
        lower.certificate.issuer().as_raw() == self.certificate.subject().as_raw()
            && lower.authority_key_id == self.key_id
            && lower.certificate.verify_signature(Some(self.certificate.public_key())).is_ok()
    }
}

/// A moment as x509-parser gives it; before 1970 counts as 1970.
pub(super) fn moment(unix: i64) -> Timestamp {
    Timestamp::from_unix(u64::try_from(unix).unwrap_or(0))
}
