//! [`CaCertificate`]: a certificate whose own words let it issue others.

use rustls_pki_types::UnixTime;

use crate::certificate::{Certificate, Malformed};
use crate::distinguished_name::DistinguishedName;
use crate::public_key::UnsupportedKey;
use crate::purpose::Purpose;

/// A certificate whose own words let it issue others for one purpose: extensions, basic constraints, key usage, purposes
/// and key fit (RFC 5280 §4.2, §6.1.4 (k)–(o)). The time is judged with each path. Anchors, configured and presented CAs
/// pass the same checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaCertificate(Certificate);

/// Why a certificate may not stand as a CA.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaFault {
    /// It cannot be read.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A critical extension that is not processed here (RFC 5280 §6.1.4 (o)).
    #[error("it has the critical extension {oid}, which is not processed here")]
    UnprocessedExtension {
        /// Which, dotted.
        oid: String,
    },
    /// Nothing it signed could be verified.
    #[error(transparent)]
    UnsupportedKey(#[from] UnsupportedKey),
    /// The basic constraints do not say CA.
    #[error("it is no CA (its basic constraints do not say CA:TRUE)")]
    NotCa,
    /// The key usage is there and leaves out keyCertSign. Absent, it forbids nothing (RFC 5280 §6.1.4 (n)).
    #[error("its key usage does not allow signing certificates (keyCertSign)")]
    NoCertSign,
    /// The purposes leave out what its certificates are for.
    #[error("its extended key usage leaves out {0}")]
    NotForPurpose(Purpose),
    /// An empty name cannot be anybody's issuer (RFC 5280 §4.1.2.6).
    #[error("its subject is empty")]
    NoSubject,
}

/// Whether the key identifier in a certificate is that of a CA's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum KeyIdFit {
    /// Both have one, and it is the same.
    Same,
    /// One of them has none.
    Unknown,
    /// They differ.
    Different,
}

impl CaCertificate {
    /// Checks what `certificate` says about itself, but not the time. `longest_rsa` is in bits.
    ///
    /// # Errors
    /// It may not issue for `purpose`.
    pub fn check(certificate: Certificate, purpose: Purpose, longest_rsa: usize) -> Result<Self, CaFault> {
        if let Some(oid) = &certificate.unprocessed {
            return Err(CaFault::UnprocessedExtension { oid: oid.to_string() });
        }
        if !certificate.basic_constraints.is_some_and(|constraints| constraints.ca) {
            return Err(CaFault::NotCa);
        }
        if certificate.key_usage.is_some_and(|usage| !usage.key_cert_sign) {
            return Err(CaFault::NoCertSign);
        }
        if certificate.extended_key_usage.is_some_and(|usage| !usage.any && !purpose.is_named(usage)) {
            return Err(CaFault::NotForPurpose(purpose));
        }
        if certificate.subject.is_empty() {
            return Err(CaFault::NoSubject);
        }
        certificate.public_key.refuse_unsupported(longest_rsa)?;
        Ok(Self(certificate))
    }

    /// Parses and checks the certificate of a CA that is configured.
    ///
    /// # Errors
    /// It is no certificate, or may not issue for `purpose`.
    pub fn parse(der: &[u8], purpose: Purpose) -> Result<Self, CaFault> {
        Self::check(Certificate::parse(der)?, purpose, usize::MAX)
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.0
    }

    /// The name it issues under.
    pub fn subject(&self) -> &DistinguishedName {
        self.0.subject()
    }

    /// How many CA certificates that are not self-issued may stand between it and a leaf, if it says so.
    pub fn path_len(&self) -> Option<u32> {
        self.0.basic_constraints.and_then(|constraints| constraints.path_len)
    }

    /// Whether its key usage allows signing CRLs. Absent, it forbids nothing (RFC 5280 §6.3.3 (f)).
    pub fn may_sign_crls(&self) -> bool {
        self.0.key_usage.is_none_or(|usage| usage.crl_sign)
    }

    /// Whether `certificate` names it as its issuer: the name and, where both carry one, the key identifier.
    pub fn may_have_issued(&self, certificate: &Certificate) -> bool {
        self.fit_as_issuer_of(certificate).is_some_and(|fit| fit != KeyIdFit::Different)
    }

    pub(crate) fn not_before(&self) -> UnixTime {
        self.0.not_before
    }

    pub(crate) fn not_after(&self) -> UnixTime {
        self.0.not_after
    }

    /// Whether `certificate` names it as its issuer, and how well the key identifiers fit. The key decides in the end.
    pub(crate) fn fit_as_issuer_of(&self, certificate: &Certificate) -> Option<KeyIdFit> {
        certificate.issuer.is_same_name(&self.0.subject).then(|| {
            match (&certificate.authority_key_id, &self.0.subject_key_id) {
                (Some(wanted), Some(found)) if wanted == found => KeyIdFit::Same,
                (Some(_), Some(_)) => KeyIdFit::Different,
                _ => KeyIdFit::Unknown,
            }
        })
    }
}
