//! [`problem`]: an answer that says what went wrong (RFC 9457).

use authenticator::reason::Reason;
use authenticator::record::DecisionId;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

/// An answer that says what went wrong: to whoever asked as much as CONNACK would, the rest under its id in the log.
pub(super) fn problem(
    status: StatusCode,
    reason: Option<Reason>,
    detail: &str,
    decision: DecisionId,
) -> Response<Vec<u8>> {
    let mut document = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
        "decision_id": decision.to_string(),
    });
    if let (Some(reason), Some(fields)) = (reason, document.as_object_mut()) {
        fields.insert("reason".to_owned(), reason.as_str().into());
    }
    answer(status, "application/problem+json", &document)
}

/// A JSON document about one client, which no cache keeps for another.
pub(super) fn answer(
    status: StatusCode,
    media_type: &'static str,
    document: &serde_json::Value,
) -> Response<Vec<u8>> {
    let mut response = Response::new(format!("{document}\n").into_bytes());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Has the connection end with an answer.
pub(super) fn close<B>(response: &mut Response<B>) {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
}
