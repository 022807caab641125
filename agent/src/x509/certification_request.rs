//! The PKCS#10 request of a device for its next certificate (RFC 2986): written, never read.
//!
//! It has the subject that the device has, a P-256 key, and no attributes: what a certificate says beyond that is the
//! business of whoever issues it.

use device_identity::renewal::MAX_CSR_LEN;
use heapless::Vec;

use super::der::tag;
use super::{Name, oid};
use crate::ecdsa::{self, POINT_LEN, Signature};

/// A CertificationRequestInfo that is not signed yet (RFC 2986 §4.1).
#[derive(Clone, Debug)]
pub struct CertificationRequestInfo(Der);

/// A CertificationRequest, DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificationRequest(Der);

type Der = Vec<u8, MAX_CSR_LEN>;

/// The subject is too long for a request of [`MAX_CSR_LEN`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the subject is too long for a request of {MAX_CSR_LEN} bytes")]
pub struct SubjectTooLong;

/// Attributes, none: `[0]`, which is not optional (RFC 2986 §4.1).
const NO_ATTRIBUTES: [u8; 2] = [0xa0, 0];

/// Version 1, which is written as 0.
const VERSION: [u8; 3] = [tag::INTEGER, 1, 0];

/// What is around an info: two headers of SEQUENCE, the algorithm, and the BIT STRING with the longest signature.
const AROUND: usize = 4 + 12 + 3 + 72;

impl CertificationRequestInfo {
    /// Of `subject`, for the key of this uncompressed point.
    pub fn new(subject: Name<'_>, public_key: &[u8; POINT_LEN]) -> Result<Self, SubjectTooLong> {
        let key_algorithm =
            sequence(&[&object_identifier(oid::EC_PUBLIC_KEY)?, &object_identifier(oid::PRIME256V1)?])?;
        let key = sequence(&[&key_algorithm, &element(tag::BIT_STRING, &[&[0], public_key])?])?;
        let info = sequence(&[&VERSION, subject.der(), &key, &NO_ATTRIBUTES])?;
        if info.len() + AROUND > MAX_CSR_LEN { Err(SubjectTooLong) } else { Ok(Self(info)) }
    }

    /// What the new key signs.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The request, with the signature of the new key over [`as_bytes`](Self::as_bytes).
    pub fn signed(&self, signature: &Signature) -> Result<CertificationRequest, SubjectTooLong> {
        let algorithm = sequence(&[&object_identifier(oid::ECDSA_WITH_SHA256)?])?;
        let signature = element(tag::BIT_STRING, &[&[0], ecdsa::to_der(signature).as_bytes()])?;
        sequence(&[&self.0, &algorithm, &signature]).map(CertificationRequest)
    }
}

impl CertificationRequest {
    /// The DER.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn object_identifier(content: &[u8]) -> Result<Der, SubjectTooLong> {
    element(tag::OBJECT_IDENTIFIER, &[content])
}

fn sequence(parts: &[&[u8]]) -> Result<Der, SubjectTooLong> {
    element(tag::SEQUENCE, parts)
}

/// An element with `parts` as its content, its length in the shortest form (X.690 §10.1).
fn element(tag: u8, parts: &[&[u8]]) -> Result<Der, SubjectTooLong> {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    let [high, low] = u16::try_from(length).map_err(|_| SubjectTooLong)?.to_be_bytes();
    let header: &[u8] = match (high, low) {
        (0, 0..0x80) => &[tag, low],
        (0, _) => &[tag, 0x81, low],
        _ => &[tag, 0x82, high, low],
    };
    let mut der = Der::new();
    for part in core::iter::once(&header).chain(parts) {
        der.extend_from_slice(part).map_err(|_| SubjectTooLong)?;
    }
    Ok(der)
}
