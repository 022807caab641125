//! [`SigningRequest`]: a PKCS#10 request whose sender proved to have the key.
//!
//! Of a request, the public key is taken and, as a claim, the common name. Everything else a device asks for (to be a
//! CA, say) is not even looked at.

use device_identity::{DeviceId, SubjectError};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::oid_registry::OID_X509_COMMON_NAME;
use x509_parser::prelude::FromDer as _;

use crate::key::{P256PublicKey, PublicKeyError};
use crate::pem::{self, Label};

/// The longest request file that is read, in bytes. A request of a device has some 300.
pub const MAX_LEN: usize = 16 * 1024;

/// A PKCS#10 request (RFC 2986) for a P-256 key, with a valid proof of possession.
#[derive(Clone, Debug)]
pub struct SigningRequest {
    public_key: P256PublicKey,
    common_names: Vec<String>,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsrError {
    /// Longer than a request can be.
    #[error("it has {length} bytes, a signing request has at most {MAX_LEN}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// Neither DER nor one PEM section `CERTIFICATE REQUEST`.
    #[error("it is no PKCS#10 signing request in DER or PEM")]
    Malformed,
    /// Something follows the request.
    #[error("{length} bytes follow the signing request")]
    Trailing {
        /// How many.
        length: usize,
    },
    /// Another kind of key.
    #[error(transparent)]
    PublicKey(#[from] PublicKeyError),
    /// The signature is not by the key in the request.
    #[error("its signature is not by the key in it, so nobody has proven to hold that key")]
    ProofOfPossession,
}

impl SigningRequest {
    /// Reads a request, DER or PEM, and verifies its proof of possession.
    pub fn parse(bytes: &[u8]) -> Result<Self, CsrError> {
        if bytes.len() > MAX_LEN {
            return Err(CsrError::TooLong { length: bytes.len() });
        }
        if !pem::is_armoured(bytes) {
            return Self::from_der(bytes);
        }
        let sections = pem::decode(bytes).map_err(|_| CsrError::Malformed)?;
        match sections.as_slice() {
            [section] if section.label == Label::CertificateRequest => Self::from_der(&section.der),
            _ => Err(CsrError::Malformed),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self, CsrError> {
        let (rest, request) = X509CertificationRequest::from_der(der).map_err(|_| CsrError::Malformed)?;
        if !rest.is_empty() {
            return Err(CsrError::Trailing { length: rest.len() });
        }
        let info = &request.certification_request_info;
        // Before the signature, so that a refusal names the kind of key rather than its signature algorithm.
        let public_key = P256PublicKey::from_spki(&info.subject_pki)?;
        request.verify_signature().map_err(|_| CsrError::ProofOfPossession)?;
        let common_names = info.subject.iter_by_oid(&OID_X509_COMMON_NAME);
        let common_names = common_names
            .map(|name| name.as_str().map(str::to_owned))
            .collect::<Result<_, _>>()
            .map_err(|_| CsrError::Malformed)?;
        Ok(Self { public_key, common_names })
    }

    /// The key whose possession was proven.
    pub fn public_key(&self) -> &P256PublicKey {
        &self.public_key
    }

    /// The device the request says it is for: a claim, not a proof.
    pub fn claimed_device(&self) -> Result<DeviceId, SubjectError> {
        DeviceId::from_common_names(self.common_names.iter().map(String::as_str))
    }
}
