//! [`SigningRequest`]: a PKCS#10 request with a verified proof of possession.
//!
//! Only the public key of a request is used and, as a claim, its common name. Whatever else a device asks for, such as
//! being a CA, is ignored.

use std::fs;
use std::io;
use std::path::Path;

use device_identity::{DeviceId, SubjectError};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::oid_registry::OID_X509_COMMON_NAME;
use x509_parser::prelude::FromDer as _;

use crate::key::{P256PublicKey, PublicKeyError};
use crate::pem::{self, Label};

/// The longest request file that is read, in bytes. A device's request has some 300.
const MAX_REQUEST_LEN: usize = 16 * 1024;

/// A PKCS#10 request (RFC 2986) for a P-256 key, with a valid proof of possession.
#[derive(Clone, Debug)]
pub(crate) struct SigningRequest {
    public_key: P256PublicKey,
    common_names: Vec<String>,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CsrError {
    /// The request is longer than `MAX_REQUEST_LEN`.
    #[error("it has {length} bytes, a signing request has at most {MAX_REQUEST_LEN}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// The text is neither DER nor a single PEM `CERTIFICATE REQUEST`.
    #[error("it is no PKCS#10 signing request in DER or PEM")]
    Malformed,
    /// Bytes follow the request.
    #[error("{length} bytes follow the signing request")]
    Trailing {
        /// How many.
        length: usize,
    },
    /// The public key is not certified.
    #[error(transparent)]
    PublicKey(#[from] PublicKeyError),
    /// The request is not signed by the key in it.
    #[error("its signature is not by the key in it, so nobody has proven to hold that key")]
    ProofOfPossession,
}

/// Why a request file was refused.
#[derive(Debug)]
pub(crate) enum CsrFileError {
    /// The file cannot be read.
    Read(io::Error),
    /// The request in it is refused.
    Csr(CsrError),
}

impl SigningRequest {
    /// Reads a request file.
    pub(crate) fn read(path: &Path) -> Result<Self, CsrFileError> {
        let length = fs::metadata(path).map_err(CsrFileError::Read)?.len();
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > MAX_REQUEST_LEN {
            return Err(CsrFileError::Csr(CsrError::TooLong { length }));
        }
        let bytes = fs::read(path).map_err(CsrFileError::Read)?;
        Self::parse(&bytes).map_err(CsrFileError::Csr)
    }

    /// Parses a request, DER or PEM, and verifies its proof of possession.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, CsrError> {
        if bytes.len() > MAX_REQUEST_LEN {
            return Err(CsrError::TooLong { length: bytes.len() });
        }
        if !pem::is_pem(bytes) {
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
        // The key is checked before the signature, so that a refusal names the kind of key and not a signature
        // algorithm.
        let public_key = P256PublicKey::from_spki(&info.subject_pki)?;
        request.verify_signature().map_err(|_| CsrError::ProofOfPossession)?;
        let common_names = info.subject.iter_by_oid(&OID_X509_COMMON_NAME);
        let common_names = common_names
            .map(|name| name.as_str().map(str::to_owned))
            .collect::<Result<_, _>>()
            .map_err(|_| CsrError::Malformed)?;
        Ok(Self { public_key, common_names })
    }

    /// The key whose possession is proven.
    pub(crate) fn public_key(&self) -> &P256PublicKey {
        &self.public_key
    }

    /// The device id in the common name: what the request claims, and does not prove.
    pub(crate) fn claimed_device(&self) -> Result<DeviceId, SubjectError> {
        DeviceId::from_common_names(self.common_names.iter().map(String::as_str))
    }
}
