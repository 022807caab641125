//! [`SigningRequest`]: a PKCS#10 request with a verified proof of possession.
//!
//! Only the public key of a request is used and, as a claim, its common name. Whatever else a device asks for, such as
//! being a CA, is ignored, and need not even be readable.

mod error;
mod parts;
mod signature;
mod subject;

use std::path::Path;

use device_identity::DeviceId;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

pub(crate) use error::{ClaimError, CsrError, CsrFileError};

use crate::fleet::{Folder, read_named};
use crate::key::P256PublicKey;
use crate::pem::{self, Label};

/// The longest request file that is read, in bytes. A device's request has some 300; some tools write what it says and
/// a key into the same file.
const MAX_REQUEST_LEN: usize = 64 * 1024;

/// A PKCS#10 request (RFC 2986) for a P-256 key, with a valid proof of possession.
#[derive(Clone, Debug)]
pub(crate) struct SigningRequest {
    public_key: P256PublicKey,
    /// The subject, in DER.
    subject: Vec<u8>,
}

/// What a request says, whether or not it is refused.
pub(crate) struct Outline {
    /// The subject.
    pub(crate) subject: String,
    /// The SubjectPublicKeyInfo, in DER.
    pub(crate) spki: Vec<u8>,
}

impl SigningRequest {
    /// Reads the request that a person named. It may come through a pipe.
    pub(crate) fn read(path: &Path) -> Result<Self, CsrFileError> {
        Ok(Self::parse(&read_named(path, MAX_REQUEST_LEN)?)?)
    }

    /// Reads the request that an order names.
    pub(crate) fn read_below(folder: &Folder, name: &Path) -> Result<Self, CsrFileError> {
        Ok(Self::parse(&folder.read(name, MAX_REQUEST_LEN)?)?)
    }

    /// Parses a request, DER or PEM, and verifies its proof of possession.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, CsrError> {
        if !pem::is_pem(bytes) {
            return Self::from_der(bytes).map_err(|error| match error {
                CsrError::Malformed if pem::is_bare_base64(bytes) => CsrError::BareBase64,
                error => error,
            });
        }
        let sections = pem::decode(bytes)?;
        let mut requests = sections.iter().filter(|section| section.label == Label::CertificateRequest);
        match (requests.next(), requests.count()) {
            (Some(request), 0) => Self::from_der(&request.der),
            (Some(_), more) => Err(CsrError::Several { count: more + 1 }),
            (None, _) => Err(CsrError::Other { labels: pem::labels(bytes) }),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self, CsrError> {
        let (parts, trailing) = parts::parts(der).ok_or(CsrError::Malformed)?;
        if trailing > 0 {
            return Err(CsrError::Trailing { length: trailing });
        }
        let Ok(([], spki)) = SubjectPublicKeyInfo::from_der(parts.spki) else {
            return Err(CsrError::Malformed);
        };
        // The key is checked before the signature, so that a refusal names the kind of key and not a signature
        // algorithm.
        let public_key = P256PublicKey::from_spki(&spki)?;
        signature::verify(&parts, &public_key)?;
        Ok(Self { public_key, subject: parts.subject.to_vec() })
    }

    /// The key whose possession is proven.
    pub(crate) fn public_key(&self) -> &P256PublicKey {
        &self.public_key
    }

    /// The device id in the common name: what the request claims, and does not prove.
    pub(crate) fn claimed_device(&self) -> Result<DeviceId, ClaimError> {
        let names = subject::common_names(&self.subject).ok_or(ClaimError::Unreadable)?;
        Ok(DeviceId::from_common_names(names.iter().map(String::as_str))?)
    }
}

/// What a request in DER says; `None` if it is none.
pub(crate) fn outline(request: &[u8]) -> Option<Outline> {
    let (parts, _) = parts::parts(request)?;
    let subject = X509Name::from_der(parts.subject).map(|(_, name)| name.to_string());
    Some(Outline {
        subject: subject.unwrap_or_else(|_| "(unreadable)".to_owned()),
        spki: parts.spki.to_vec(),
    })
}
