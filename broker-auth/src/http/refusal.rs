//! Requests that are refused: by their heads, or for who sends them.

use authenticator::decide::{Decision, Granted, Step};
use authenticator::identity::Client;
use authenticator::policy::Permit;
use authenticator::reason::{Reason, Refusal};
use authenticator::record::{DecisionId, Event, Record};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, Response, StatusCode};

use super::connection::HttpConnection;
use super::head::RequestHead;
use super::head_fault::HeadFault;
use super::problem::{close, problem};
use crate::gate::note_unchecked;

/// The permit that a request is answered by, or the answer that says why not.
pub(super) async fn decide(
    connection: &HttpConnection,
    head: &RequestHead,
    id: DecisionId,
) -> Result<Permit, Box<Response<Vec<u8>>>> {
    let (context, caller) = (&connection.context, &connection.caller);
    let decision = caller.decide(&context.rules, &context.gatherers, head).await;
    context.rules.note_reported(context.hub.audit(), Event::Http, caller.peer, &decision);
    note_unchecked(&context.counters, caller.peer, &decision);
    let refusal = match decision.outcome.clone() {
        Ok(Granted::Http { permit }) => return Ok(permit),
        Ok(_) => Refusal::new(Reason::PolicyDenied, "what was granted is no HTTP request"),
        Err(refusal) => refusal,
    };
    context.counters.requests_refused.one();
    let status = match refusal.reason {
        Reason::SecondFactor => StatusCode::UNAUTHORIZED,
        Reason::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::FORBIDDEN,
    };
    let record = Record::new(Event::Http)
        .id(id)
        .peer(caller.peer)
        .request(head.method, head.path.as_str())
        .status(status.as_u16())
        .refused(&refusal);
    let (client, permit) = reached(&decision);
    let record = client.into_iter().fold(record, |record, client| record.client(client));
    context.hub.audit().write(&permit.into_iter().fold(record, |record, permit| record.permit(permit)));
    let mut response = problem(status, Some(refusal.reason), REFUSED, id);
    if refusal.reason == Reason::SecondFactor {
        let schemes = HeaderValue::from_static(CHALLENGE);
        response.headers_mut().insert(WWW_AUTHENTICATE, schemes);
    }
    // Whoever is let in and asked for the wrong path may ask for another one.
    if permit.is_none() {
        close(&mut response);
    }
    Err(Box::new(response))
}

/// How a second factor is shown (RFC 9110 §11.6.1).
const CHALLENGE: &str = "Basic realm=\"countersign\", charset=\"UTF-8\", Bearer realm=\"countersign\"";

/// What everybody who is refused is told: more would tell a stranger what to try next.
const REFUSED: &str =
    "this client may not do this; whoever runs this service finds why under the decision_id in its log";

/// How far a decision came: who it is, and by which permit.
fn reached(decision: &Decision) -> (Option<&Client>, Option<&Permit>) {
    let mut reached = (None, None);
    for step in &decision.trace {
        match step {
            Step::Identity(client) => reached.0 = Some(client),
            Step::Policy(permit) => reached.1 = Some(permit),
            _ => {}
        }
    }
    reached
}

/// The answer to a head that nobody is asked about.
pub(super) fn refuse_head(
    connection: &HttpConnection,
    fault: &HeadFault,
    decision: DecisionId,
) -> Response<Vec<u8>> {
    connection.context.counters.requests_refused.one();
    let (status, refusal) = (fault.status(), Refusal::new(Reason::Malformed, fault.to_string()));
    let record = Record::new(Event::Http).id(decision).peer(connection.caller.peer);
    connection.context.hub.audit().write(&record.status(status.as_u16()).refused(&refusal));
    // What is wrong with a request says nothing about who may do what.
    let mut response = problem(status, Some(refusal.reason), &refusal.evidence, decision);
    close(&mut response);
    response
}
