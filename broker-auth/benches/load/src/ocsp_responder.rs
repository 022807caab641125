//! [`OcspResponder`]: the responder of the site's CA of devices (RFC 6960), fast enough for a fleet.

use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use x509_cert::Certificate;
use x509_cert::der::asn1::{BitString, GeneralizedTime, ObjectIdentifier};
use x509_cert::der::{self, Decode as _, Encode as _};
use x509_cert::ext::pkix::CrlReason;
use x509_cert::name::Name;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_ocsp::{
    BasicOcspResponse, CertStatus, OcspGeneralizedTime, OcspRequest, OcspResponse, ResponderId, ResponseData,
    RevokedInfo, SingleResponse, Version,
};

use crate::http_server::HttpServer;
use crate::site::{Authority, Identity, Site};

const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");

/// How long ago what it says began, and when it ends: clocks may differ a little.
const SINCE: Duration = Duration::from_secs(60);
const UNTIL: Duration = Duration::from_secs(24 * 3600);

/// A responder on loopback. It stops with the value.
pub struct OcspResponder {
    server: HttpServer,
    state: Arc<State>,
}

struct State {
    authority: Arc<Authority>,
    name: Name,
    /// Serial numbers, as their DER has them.
    revoked: Mutex<HashSet<Vec<u8>>>,
    answers: AtomicU64,
}

impl OcspResponder {
    /// One for which all devices of `site` are good.
    pub async fn start(site: &Site) -> io::Result<Self> {
        let authority = site.device_authority();
        let certificate = Certificate::from_der(authority.certificate())
            .map_err(|error| io::Error::other(error.to_string()))?;
        let name = certificate.tbs_certificate.subject;
        let state =
            Arc::new(State { authority, name, revoked: Mutex::default(), answers: AtomicU64::default() });
        let answering = Arc::clone(&state);
        let server = HttpServer::start(move |question| match answering.answer(&question) {
            Ok(answer) => Response::new(Full::new(answer.into())),
            Err(_) => {
                let mut refusal = Response::new(Full::new(Bytes::new()));
                *refusal.status_mut() = StatusCode::BAD_REQUEST;
                refusal
            }
        })
        .await?;
        Ok(Self { server, state })
    }

    /// Where it is asked.
    pub fn url(&self) -> String {
        format!("http://{}/", self.server.address())
    }

    /// From now on these are revoked, too.
    pub fn revoke(&self, devices: &[&Identity]) {
        let serials = devices.iter().map(|device| device.serial.to_be_bytes().to_vec());
        self.state.revoked.lock().unwrap_or_else(PoisonError::into_inner).extend(serials);
    }

    /// How often it has answered.
    pub fn answers(&self) -> u64 {
        self.state.answers.load(Ordering::Relaxed)
    }
}

impl State {
    fn answer(&self, question: &[u8]) -> der::Result<Vec<u8>> {
        let asked = OcspRequest::from_der(question)?.tbs_request;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (since, until) = (time(now.saturating_sub(SINCE))?, time(now + UNTIL)?);
        let responses = asked.request_list.into_iter().map(|one| SingleResponse {
            cert_status: self.status(one.req_cert.serial_number.as_bytes(), since),
            cert_id: one.req_cert,
            this_update: since,
            next_update: Some(until),
            single_extensions: None,
        });
        let data = ResponseData {
            version: Version::V1,
            responder_id: ResponderId::ByName(self.name.clone()),
            produced_at: since,
            responses: responses.collect(),
            // The nonce.
            response_extensions: asked.request_extensions,
        };
        let signature = self.authority.sign(&data.to_der()?);
        let basic = BasicOcspResponse {
            tbs_response_data: data,
            signature_algorithm: AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA256, parameters: None },
            signature: BitString::from_bytes(&signature)?,
            certs: None,
        };
        self.answers.fetch_add(1, Ordering::Relaxed);
        OcspResponse::successful(basic)?.to_der()
    }

    fn status(&self, serial: &[u8], since: OcspGeneralizedTime) -> CertStatus {
        let revoked = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        if !revoked.contains(serial) {
            return CertStatus::good();
        }
        CertStatus::revoked(RevokedInfo {
            revocation_time: since,
            revocation_reason: Some(CrlReason::KeyCompromise),
        })
    }
}

fn time(since_epoch: Duration) -> der::Result<OcspGeneralizedTime> {
    GeneralizedTime::from_unix_duration(since_epoch).map(OcspGeneralizedTime)
}
