//! The CertID: what OCSP calls a certificate by (RFC 6960 §4.1.1).

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use x509_cert::der::asn1::{Any, ObjectIdentifier, OctetString};
use x509_cert::der::{Decode, Result};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_ocsp::CertId;

use crate::certificate::{AuthorityCertificate, Serial};

/// id-sha1 (RFC 3279 §2.2.1).
const SHA_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");

/// The CertID of the certificate that `issuer` gave `serial`.
///
/// By SHA-1, which every responder knows (RFC 5019 §2.1.1); many look answers up by it and know no other. Nothing rests on
/// its strength: both hashes are of a CA that is known here, and an answer counts by a signature of that CA.
pub(super) fn cert_id(issuer: &AuthorityCertificate, serial: &Serial) -> Result<CertId> {
    Ok(CertId {
        hash_algorithm: AlgorithmIdentifierOwned { oid: SHA_1, parameters: Some(Any::null()) },
        issuer_name_hash: OctetString::new(sha_1(issuer.subject_der()))?,
        issuer_key_hash: OctetString::new(sha_1(issuer.public_key().bits()))?,
        serial_number: SerialNumber::from_der(&serial.to_der())?,
    })
}

/// Whether both call the same certificate by the same algorithm, whose parameters may be NULL or left out (RFC 3370 §2.1).
pub(super) fn is_same(asked: &CertId, found: &CertId) -> bool {
    let has_no_parameters = found.hash_algorithm.parameters.as_ref().is_none_or(Any::is_null);
    has_no_parameters
        && asked.hash_algorithm.oid == found.hash_algorithm.oid
        && asked.issuer_name_hash == found.issuer_name_hash
        && asked.issuer_key_hash == found.issuer_key_hash
        && asked.serial_number == found.serial_number
}

/// SHA-1, as CertIDs and ResponderIDs have it.
pub(super) fn sha_1(octets: &[u8]) -> Vec<u8> {
    digest(&SHA1_FOR_LEGACY_USE_ONLY, octets).as_ref().to_vec()
}
