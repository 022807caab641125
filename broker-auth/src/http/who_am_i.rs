//! [`who_am_i`]: what the caller is taken for.

use authenticator::certificate::timestamp;
use authenticator::policy::Permit;
use authenticator::record::DecisionId;
use http::{Response, StatusCode};
use serde_json::json;

use super::problem::answer;

/// What the caller is taken for, in the words of `explain --json`. It is about itself, so nothing of it is a secret.
pub(super) fn who_am_i(permit: &Permit, decision: DecisionId) -> Response<Vec<u8>> {
    let client = permit.client();
    let certificate = client.certificate();
    let document = json!({
        "identity": client.identity().name(),
        "namespace": client.identity().namespace().as_str(),
        "verdict": client.verdict().to_string(),
        "trust": client.trust_name().map(|trust| trust.as_str()),
        "policy": permit.policy_name(),
        "subject": certificate.map(|leaf| leaf.subject().to_string()),
        "issuer": certificate.map(|leaf| leaf.issuer().to_string()),
        "serial": certificate.map(|leaf| leaf.serial().to_string()),
        "fingerprint_sha256": certificate.map(|leaf| leaf.fingerprint_sha256().to_string()),
        "not_before": certificate.map(|leaf| timestamp(leaf.not_before())),
        "not_after": certificate.map(|leaf| timestamp(leaf.not_after())),
        "decision_id": decision.to_string(),
    });
    answer(StatusCode::OK, "application/json", &document)
}
