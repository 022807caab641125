//! [`OcspRequest`]: the question whether a proven certificate is still good.

use x509_cert::der::asn1::{ObjectIdentifier, OctetString};
use x509_cert::der::{Encode, Error};
use x509_cert::ext::Extension;
use x509_ocsp::{CertId, Request, TbsRequest};

use super::cert_id::cert_id;
use crate::certificate::{AuthorityCertificate, Serial};
use crate::trust::VerifiedChain;

/// id-pkix-ocsp-nonce (RFC 6960 §4.4.1).
pub(super) const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");

/// The question whether the certificate of a proven chain is still good, and what an answer to it must fit.
#[derive(Clone, Debug)]
pub struct OcspRequest {
    der: Vec<u8>,
    cert_id: CertId,
    /// The value of the nonce extension.
    nonce: Vec<u8>,
    issuer: AuthorityCertificate,
    serial: Serial,
}

/// A question cannot be put into DER.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no OCSP request can be made for the certificate: {0}")]
pub struct RequestFault(Error);

impl OcspRequest {
    /// The media type of [`Self::der`] (RFC 6960 §C.1).
    pub const CONTENT_TYPE: &str = "application/ocsp-request";

    /// How many octets of randomness a nonce has (RFC 9654 §2.1).
    pub const NONCE_LEN: usize = 32;

    /// Asks the CA that issued the leaf of `chain`. `nonce` is random, and used once.
    ///
    /// # Errors
    /// A number or name of the certificate is too long for DER.
    pub fn new(chain: &VerifiedChain, nonce: [u8; Self::NONCE_LEN]) -> Result<Self, RequestFault> {
        Self::about(chain.issuer(), chain.leaf().serial(), nonce).map_err(RequestFault)
    }

    fn about(
        issuer: &AuthorityCertificate,
        serial: &Serial,
        nonce: [u8; Self::NONCE_LEN],
    ) -> Result<Self, Error> {
        let cert_id = cert_id(issuer, serial)?;
        let nonce = OctetString::new(nonce)?.to_der()?;
        let extension =
            Extension { extn_id: NONCE, critical: false, extn_value: OctetString::new(nonce.clone())? };
        let request = x509_ocsp::OcspRequest {
            tbs_request: TbsRequest {
                request_list: vec![Request { req_cert: cert_id.clone(), single_request_extensions: None }],
                request_extensions: Some(vec![extension]),
                ..TbsRequest::default()
            },
            // Nobody signs what anybody may ask.
            optional_signature: None,
        };
        Ok(Self { der: request.to_der()?, cert_id, nonce, issuer: issuer.clone(), serial: *serial })
    }

    /// The OCSPRequest (RFC 6960 §4.1.1) in DER, to be posted.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What it calls the certificate by.
    pub(super) fn cert_id(&self) -> &CertId {
        &self.cert_id
    }

    /// The value of its nonce extension.
    pub(super) fn nonce(&self) -> &[u8] {
        &self.nonce
    }

    /// The CA that issued the certificate.
    pub(super) fn issuer(&self) -> &AuthorityCertificate {
        &self.issuer
    }

    /// The serial number of the certificate.
    pub(super) fn serial(&self) -> &Serial {
        &self.serial
    }
}
