//! [`Chain`]: a root and the issuing CA certificate it signed, both valid now.

use std::path::{Path, PathBuf};

use rustls_pki_types::{CertificateDer, TrustAnchor};
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{OID_X509_COMMON_NAME, OID_X509_COUNTRY_NAME, OID_X509_ORGANIZATION_NAME};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Version;

use super::extensions::{CaRole, Edition, Extensions};
use crate::certificate_spec::CaNames;
use crate::key::P256PublicKey;
use crate::timestamp::Timestamp;

/// A root and the issuing CA certificate it signed, checked.
///
/// webpki uses only the name and the key of a trust anchor, so the basic constraints, key usage and validity of both
/// are checked here.
#[derive(Clone)]
pub(crate) struct Chain {
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
pub(crate) struct ChainError {
    /// The file of the certificate at fault.
    pub(crate) path: PathBuf,
    /// What is wrong with it.
    pub(crate) fault: ChainFault,
}

/// What is wrong with a CA certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChainFault {
    /// Not one DER certificate, version 3.
    #[error("this is no X.509 version 3 certificate")]
    Malformed,
    /// Extensions other than those of a root or of an issuing CA.
    #[error("this is no {role} CA of a fleet: {detail}")]
    Profile {
        /// What the certificate should be: root or issuing.
        role: &'static str,
        /// How it differs.
        detail: String,
    },
    /// The issuing certificate is not signed by the root.
    #[error("it was not issued by the root CA beside it")]
    Issuer,
    /// Past its `notAfter`.
    #[error("it expired at {not_after}")]
    Expired {
        /// `notAfter`.
        not_after: Timestamp,
    },
    /// Before its `notBefore`.
    #[error("it is valid only from {not_before}; is this machine's clock right?")]
    NotYetValid {
        /// `notBefore`.
        not_before: Timestamp,
    },
}

impl Chain {
    /// Checks that two DER certificates are a chain valid at `now`, of any edition of the profile. The paths are for
    /// error messages.
    pub(crate) fn verify(
        root: (&[u8], &Path),
        issuing: (&[u8], &Path),
        now: Timestamp,
    ) -> Result<Self, ChainError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |fault| ChainError { path, fault }
        };
        let root_ca = Ca::read(root.0, CaRole::Root, now).map_err(at(root.1))?;
        let issuing_ca = Ca::read(issuing.0, CaRole::Issuing, now).map_err(at(issuing.1))?;
        if !root_ca.has_issued(&root_ca) {
            return Err(at(root.1)(ChainFault::Issuer));
        }
        if !root_ca.has_issued(&issuing_ca) {
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
            subject: issuing_ca.certificate.subject().as_raw().to_vec(),
            key_id: issuing_ca.key_id,
            public_key: issuing_ca.public_key,
            not_after: issuing_ca.not_after,
        })
    }

    /// Like [`Chain::verify`], for a chain that was just made: both follow the current edition of the profile, and
    /// their names are what `names` says.
    pub(crate) fn verify_new(
        root: (&[u8], &Path),
        issuing: (&[u8], &Path),
        names: &CaNames<'_>,
        now: Timestamp,
    ) -> Result<Self, ChainError> {
        for ((der, path), role) in [(root, CaRole::Root), (issuing, CaRole::Issuing)] {
            let checked = Ca::read(der, role, now).and_then(|ca| ca.check_new(names));
            checked.map_err(|fault| ChainError { path: path.to_owned(), fault })?;
        }
        Self::verify(root, issuing, now)
    }

    /// The root certificate, DER.
    pub(crate) fn root(&self) -> &[u8] {
        &self.root
    }

    /// The issuing certificate, DER.
    pub(crate) fn issuing(&self) -> &[u8] {
        &self.issuing
    }

    /// The issuing CA's subject as encoded in its certificate, DER.
    pub(crate) fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// The issuing CA's subject key identifier.
    pub(crate) fn key_id(&self) -> &[u8] {
        &self.key_id
    }

    /// The issuing CA's public key.
    pub(crate) fn public_key(&self) -> &P256PublicKey {
        &self.public_key
    }

    /// `notAfter` of the issuing CA.
    pub(crate) fn not_after(&self) -> Timestamp {
        self.not_after
    }
}

/// A CA certificate with the extensions of its role, valid now.
struct Ca<'a> {
    role: CaRole,
    edition: Edition,
    certificate: X509Certificate<'a>,
    key_id: Vec<u8>,
    authority_key_id: Vec<u8>,
    public_key: P256PublicKey,
    not_after: Timestamp,
}

impl<'a> Ca<'a> {
    fn read(der: &'a [u8], role: CaRole, now: Timestamp) -> Result<Self, ChainFault> {
        let Ok(([], certificate)) = X509Certificate::from_der(der) else { return Err(ChainFault::Malformed) };
        if certificate.version() != X509Version::V3 {
            return Err(ChainFault::Malformed);
        }
        let profile = |detail: &str| role_fault(role, detail);
        let extensions = Extensions::read(&certificate).map_err(|detail| profile(&detail))?;
        let edition =
            extensions.ca_edition(role).ok_or_else(|| profile("basic constraints or key usage differ"))?;
        let (Some(key_id), Some(authority_key_id)) = (extensions.subject_key_id, extensions.authority_key_id)
        else {
            return Err(profile("it has no key identifiers"));
        };
        let (key_id, authority_key_id) = (key_id.to_vec(), authority_key_id.to_vec());
        let public_key = P256PublicKey::from_spki(certificate.public_key())
            .map_err(|error| profile(&error.to_string()))?;
        let not_before = Timestamp::from_signed(certificate.validity().not_before.timestamp());
        let not_after = Timestamp::from_signed(certificate.validity().not_after.timestamp());
        if now < not_before {
            return Err(ChainFault::NotYetValid { not_before });
        }
        if not_after < now {
            return Err(ChainFault::Expired { not_after });
        }
        Ok(Self { role, edition, certificate, key_id, authority_key_id, public_key, not_after })
    }

    /// Whether a certificate that was just made follows the current edition, and has the name it was to have.
    fn check_new(&self, names: &CaNames<'_>) -> Result<(), ChainFault> {
        let subject = self.certificate.subject();
        let values =
            |oid| subject.iter_by_oid(oid).map(|value| value.as_str().ok()).collect::<Option<Vec<_>>>();
        let country = names.country.map(|country| country.to_string());
        let expected: Vec<&str> = country.iter().map(String::as_str).collect();
        let checks = [
            ("key usage", self.edition == Edition::Current),
            ("country", values(&OID_X509_COUNTRY_NAME) == Some(expected.clone())),
            (
                "organization",
                values(&OID_X509_ORGANIZATION_NAME).as_deref() == Some(&[names.organization.as_str()]),
            ),
            ("common name", values(&OID_X509_COMMON_NAME).is_some_and(|names| names.len() == 1)),
            ("subject", subject.iter_attributes().count() == 2 + expected.len()),
        ];
        match checks.into_iter().find(|(_, holds)| !holds) {
            Some((what, _)) => Err(role_fault(self.role, &format!("its {what} is not what was to be made"))),
            None => Ok(()),
        }
    }

    fn has_issued(&self, subordinate: &Ca<'_>) -> bool {
        subordinate.certificate.issuer().as_raw() == self.certificate.subject().as_raw()
            && subordinate.authority_key_id == self.key_id
            && subordinate.certificate.verify_signature(Some(self.certificate.public_key())).is_ok()
    }
}

fn role_fault(role: CaRole, detail: &str) -> ChainFault {
    ChainFault::Profile { role: role.name(), detail: detail.to_owned() }
}
