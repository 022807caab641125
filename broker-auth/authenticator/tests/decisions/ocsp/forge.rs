//! Answers that OpenSSL does not give.

use authenticator::ocsp::OcspRequest;
use rcgen::SigningKey;
use x509_cert::der::asn1::{BitString, GeneralizedTime, ObjectIdentifier, OctetString};
use x509_cert::der::{DateTime, Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_ocsp::{
    BasicOcspResponse, CertStatus, OcspGeneralizedTime, OcspResponse, ResponderId, ResponseData,
    SingleResponse, Version,
};

use crate::pki::{DAY, HOUR, Holder, now};

/// id-pkix-ocsp-nonce
pub(crate) const NONCE: &str = "1.3.6.1.5.5.7.48.1.2";

/// ecdsa-with-SHA256
const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";

pub(crate) fn time(seconds: u64) -> OcspGeneralizedTime {
    let time = DateTime::from_unix_duration(std::time::Duration::from_secs(seconds)).expect("a time");
    OcspGeneralizedTime(GeneralizedTime::from_date_time(time))
}

pub(crate) fn extension(oid: &str, critical: bool, value: &[u8]) -> Extension {
    Extension {
        extn_id: ObjectIdentifier::new(oid).expect("an identifier"),
        critical,
        extn_value: OctetString::new(value).expect("short"),
    }
}

/// What `request` asks, answered: good since an hour, until tomorrow, with its nonce, by `signer`.
pub(crate) fn data(request: &OcspRequest, signer: &Holder) -> ResponseData {
    let asked = x509_ocsp::OcspRequest::from_der(request.der()).expect("a request").tbs_request;
    let subject = x509_cert::Certificate::from_der(signer.der()).expect("a certificate");
    ResponseData {
        version: Version::V1,
        responder_id: ResponderId::ByName(subject.tbs_certificate.subject),
        produced_at: time(now()),
        responses: vec![SingleResponse {
            cert_id: asked.request_list[0].req_cert.clone(),
            cert_status: CertStatus::good(),
            this_update: time(now() - HOUR),
            next_update: Some(time(now() + DAY)),
            single_extensions: None,
        }],
        response_extensions: asked.request_extensions,
    }
}

/// `data`, signed by `signer`; these certificates come along.
pub(crate) fn signed(data: &ResponseData, signer: &Holder, along: &[&[u8]]) -> Vec<u8> {
    let signature = signer.key().sign(&data.to_der().expect("DER")).expect("a signature");
    let certificates = along.iter().map(|der| x509_cert::Certificate::from_der(der).expect("a certificate"));
    let basic = BasicOcspResponse {
        tbs_response_data: data.clone(),
        signature_algorithm: AlgorithmIdentifierOwned {
            oid: ObjectIdentifier::new_unwrap(ECDSA_SHA256),
            parameters: None,
        },
        signature: BitString::from_bytes(&signature).expect("whole octets"),
        certs: (!along.is_empty()).then(|| certificates.collect()),
    };
    OcspResponse::successful(basic).and_then(|response| response.to_der()).expect("DER")
}
