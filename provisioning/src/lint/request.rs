//! The clauses for signing requests.

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::x509::X509Version;

use super::clause::Level::{Must, Should};
use super::clause::{Clauses, Finding};
use crate::csr::SigningRequest;

/// The clauses for a request, which `der` encodes.
pub(super) fn clauses(der: &[u8], request: &X509CertificationRequest<'_>) -> Vec<Finding> {
    let mut clauses = Clauses::default();
    let info = &request.certification_request_info;
    clauses.check("RFC 2986 4.1", Must, "version 1", info.version == X509Version::V1);
    let signing_request = SigningRequest::parse(der);
    clauses.check_result(
        ("RFC 2986 4.2", Must, "a key on P-256, proven to be held"),
        signing_request.as_ref().map(|_| ()).map_err(ToString::to_string),
    );
    if let Ok(signing_request) = signing_request {
        clauses.check_result(
            ("IoT 17.4.1", Should, "a subject that names a device"),
            signing_request.claimed_device().map(|_| ()).map_err(|error| error.to_string()),
        );
    }
    clauses.into_findings()
}
