//! [`judge`]: what came back, and whether it is an answer.

use rustls_pki_types::UnixTime;
use x509_cert::der::Decode;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::Extension;
use x509_ocsp::{
    CertStatus, OcspGeneralizedTime, OcspResponse, OcspResponseStatus, ResponseData, RevokedInfo,
    SingleResponse,
};

use super::answer::{OcspAnswer, OcspStatus};
use super::cert_id::is_same;
use super::fault::{OcspFault, ResponderError};
use super::freshness::{Echo, Times};
use super::request::{NONCE, OcspRequest};
use super::signer::{Signer, signer};
use crate::certificate::{OcspResponseFrame, RevocationReason};

/// The longest response that is read, in octets: an answer and eight certificates fit.
pub const MAX_RESPONSE_LEN: usize = 64 * 1024;

/// id-pkix-ocsp-basic (RFC 6960 §4.2.1).
const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");

/// Judges at `now` what a responder sent for `request`: an OCSPResponse in DER.
///
/// Who signed comes first. What is signed is decoded only then, so that nobody but the CA and its delegates has a say in it.
///
/// # Errors
/// It is no answer: nothing is known of the certificate that was not known before.
pub fn judge(response: &[u8], request: &OcspRequest, now: UnixTime) -> Result<OcspAnswer, OcspFault> {
    let basic = open(response)?;
    let malformed = |expected: &str| OcspFault::Malformed(format!("{expected} was expected"));
    let frame = OcspResponseFrame::parse(&basic).map_err(|expected| malformed(expected.0))?;
    let signer = signer(&frame, request.issuer(), now)?;
    let data = ResponseData::from_der(frame.signed).map_err(|_| malformed("a ResponseData"))?;
    let echo = echo(&data, request)?;
    let single = about(&data, request)?;
    let times = Times {
        produced_at: unix_time(&data.produced_at),
        this_update: unix_time(&single.this_update),
        next_update: single.next_update.as_ref().map(unix_time),
    };
    Ok(OcspAnswer {
        issuer: request.issuer().authority(),
        serial: *request.serial(),
        status: status(&single.cert_status),
        this_update: times.this_update,
        valid_until: times.valid_until(echo, now)?,
        delegate: match signer {
            Signer::Issuer => None,
            Signer::Delegate(serial) => Some(serial),
        },
    })
}

/// The BasicOCSPResponse in an OCSPResponse.
fn open(response: &[u8]) -> Result<Vec<u8>, OcspFault> {
    if response.len() > MAX_RESPONSE_LEN {
        return Err(OcspFault::TooLong { length: response.len(), limit: MAX_RESPONSE_LEN });
    }
    let response = OcspResponse::from_der(response)
        .map_err(|_| OcspFault::Malformed("it is no OCSPResponse in DER".to_owned()))?;
    let error = match response.response_status {
        OcspResponseStatus::Successful => {
            let bytes = response.response_bytes.ok_or_else(|| {
                OcspFault::Malformed("the responder says that it answers, and does not".to_owned())
            })?;
            if bytes.response_type != BASIC {
                return Err(OcspFault::UnknownType { oid: bytes.response_type.to_string() });
            }
            return Ok(bytes.response.into_bytes());
        }
        OcspResponseStatus::MalformedRequest => ResponderError::MalformedRequest,
        OcspResponseStatus::InternalError => ResponderError::InternalError,
        OcspResponseStatus::TryLater => ResponderError::TryLater,
        OcspResponseStatus::SigRequired => ResponderError::SigRequired,
        OcspResponseStatus::Unauthorized => ResponderError::Unauthorized,
    };
    Err(OcspFault::NotSuccessful(error))
}

/// What of the nonce came back.
fn echo(data: &ResponseData, request: &OcspRequest) -> Result<Echo, OcspFault> {
    let extensions = data.response_extensions.as_deref().unwrap_or_default();
    refuse_unknown_critical(extensions.iter().filter(|extension| extension.extn_id != NONCE))?;
    let mut nonces = extensions.iter().filter(|extension| extension.extn_id == NONCE);
    match (nonces.next(), nonces.next()) {
        (None, _) => Ok(Echo::Nothing),
        (Some(nonce), None) if nonce.extn_value.as_bytes() == request.nonce() => Ok(Echo::Nonce),
        _ => Err(OcspFault::OtherNonce),
    }
}

/// What is said about the certificate; what is said about others beside does not matter.
fn about<'d>(data: &'d ResponseData, request: &OcspRequest) -> Result<&'d SingleResponse, OcspFault> {
    let mut singles = data.responses.iter().filter(|single| is_same(request.cert_id(), &single.cert_id));
    let single = singles.next().ok_or(OcspFault::OtherCertificate)?;
    if singles.next().is_some() {
        return Err(OcspFault::Twice);
    }
    refuse_unknown_critical(single.single_extensions.as_deref().unwrap_or_default())?;
    Ok(single)
}

fn refuse_unknown_critical<'e>(extensions: impl IntoIterator<Item = &'e Extension>) -> Result<(), OcspFault> {
    match extensions.into_iter().find(|extension| extension.critical) {
        Some(extension) => Err(OcspFault::UnknownCritical { oid: extension.extn_id.to_string() }),
        None => Ok(()),
    }
}

fn status(status: &CertStatus) -> OcspStatus {
    match status {
        CertStatus::Good(_) => OcspStatus::Good,
        CertStatus::Unknown(_) => OcspStatus::Unknown,
        CertStatus::Revoked(RevokedInfo { revocation_time, revocation_reason }) => OcspStatus::Revoked {
            at: unix_time(revocation_time),
            reason: revocation_reason
                .and_then(|reason| RevocationReason::of_code(reason as u8))
                .unwrap_or_default(),
        },
    }
}

fn unix_time(time: &OcspGeneralizedTime) -> UnixTime {
    UnixTime::since_unix_epoch(time.0.to_unix_duration())
}
