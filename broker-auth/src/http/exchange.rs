//! [`answer`]: one request, from its head to the head of its answer.

use std::sync::Arc;

use authenticator::http::{HttpMethod, RequestPath};
use authenticator::policy::Permit;
use authenticator::record::{DecisionId, Event, Record};
use broker_rules::audit::next_decision_id;
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode, Uri};
use hyper::body::Incoming;

use super::answer_body::AnswerBody;
use super::connection::{HttpConnection, Running};
use super::fields::{to_client, to_origin};
use super::flow::Exchange;
use super::head::RequestHead;
use super::head_fault::HeadFault;
use super::origin::{OriginClient, OriginFault};
use super::problem::{close, problem};
use super::refusal::{decide, refuse_head};
use super::request_body::RequestBody;
use super::variable::Facts;
use super::who_am_i::who_am_i;

/// Answers the request whose body is `body`, and whose head was read before hyper saw any of it.
pub(super) async fn answer(connection: Arc<HttpConnection>, body: Incoming) -> Response<AnswerBody> {
    let decision = next_decision_id();
    connection.context.counters.requests.one();
    connection.begin();
    let (head, exchange) = match connection.flow.begin() {
        Some((Ok(head), exchange)) => (head, exchange),
        Some((Err(fault), exchange)) => return whole(refuse_head(&connection, &fault, decision), exchange),
        // hyper asks for no more answers than it was given heads.
        None => {
            let exchange = connection.flow.exchange();
            return whole(refuse_head(&connection, &HeadFault::RequestLine, decision), exchange);
        }
    };
    let is_last = head.is_last();
    let mut response = match decide(&connection, &head, decision).await {
        Ok(permit) => {
            let request = Granting { connection: &connection, permit: &permit, decision, head: &head };
            request.answer(body, exchange).await
        }
        Err(response) => whole_before_body(&head, *response, exchange),
    };
    if is_last {
        close(&mut response);
    }
    response
}

/// A request that is granted.
struct Granting<'a> {
    connection: &'a Arc<HttpConnection>,
    permit: &'a Permit,
    decision: DecisionId,
    head: &'a RequestHead,
}

impl Granting<'_> {
    async fn answer(&self, body: Incoming, exchange: Exchange) -> Response<AnswerBody> {
        let (connection, head) = (self.connection, self.head);
        let running = Running { method: head.method, path: head.path.clone(), permit: self.permit.clone() };
        connection.run(running);
        if is_own(head.method, &head.path) {
            connection.flow.answers();
            return self.done(who_am_i(self.permit, self.decision), None, exchange);
        }
        let Some(origin) = &connection.context.origin else {
            connection.flow.answers();
            let absent = problem(
                StatusCode::NOT_FOUND,
                None,
                "there is no origin behind this listener",
                self.decision,
            );
            return self.done(absent, None, exchange);
        };
        match self.ask(origin, body).await {
            Ok((mut response, body)) => {
                self.record(response.status(), None);
                to_client(response.headers_mut());
                response.map(|()| body(exchange))
            }
            Err(fault) => {
                let (status, detail) = match &fault {
                    OriginFault::Timeout(_) => {
                        (StatusCode::GATEWAY_TIMEOUT, "the origin did not answer in time")
                    }
                    _ => (StatusCode::BAD_GATEWAY, "the origin did not answer"),
                };
                let response = problem(status, None, detail, self.decision);
                self.done(response, Some(&format!("the origin: {fault}")), exchange)
            }
        }
    }

    /// Hands the request on, made of what was judged.
    async fn ask(
        &self,
        origin: &OriginClient,
        body: Incoming,
    ) -> Result<(Response<()>, impl FnOnce(Exchange) -> AnswerBody + use<>), OriginFault> {
        let (head, caller) = (self.head, &self.connection.caller);
        let mut request = Request::new(RequestBody(body));
        *request.method_mut() = method(head.method);
        *request.uri_mut() = target(head)?;
        let facts =
            Facts { permit: self.permit, decision: self.decision, now: self.connection.context.rules.now() };
        let ours = &self.connection.context.settings.fields;
        *request.headers_mut() = to_origin(head, ours, facts, origin.authority(), caller.address());
        let asked = origin.ask(request, &self.connection.flow).await;
        self.connection.flow.answers();
        let (response, from_origin) = asked?;
        let (parts, body) = response.into_parts();
        Ok((Response::from_parts(parts, ()), move |exchange| {
            AnswerBody::relayed(body, from_origin, exchange)
        }))
    }

    /// An answer that was made here, and its line in the log.
    fn done(
        &self,
        response: Response<Vec<u8>>,
        note: Option<&str>,
        exchange: Exchange,
    ) -> Response<AnswerBody> {
        self.record(response.status(), note);
        whole_before_body(self.head, response, exchange)
    }

    fn record(&self, status: StatusCode, note: Option<&str>) {
        let record = Record::new(Event::Http)
            .id(self.decision)
            .peer(self.connection.caller.peer)
            .permit(self.permit)
            .request(self.head.method, self.head.path.as_str())
            .status(status.as_u16());
        let record = note.into_iter().fold(record, |record, note| record.note(note));
        self.connection.context.hub.audit().write(&record);
    }
}

/// Whether a request is answered here, whatever the origin has there.
fn is_own(method: HttpMethod, path: &RequestPath) -> bool {
    path.is_who_am_i() && matches!(method, HttpMethod::Get | HttpMethod::Head)
}

fn method(method: HttpMethod) -> http::Method {
    match method {
        HttpMethod::Get => http::Method::GET,
        HttpMethod::Head => http::Method::HEAD,
        HttpMethod::Post => http::Method::POST,
        HttpMethod::Put => http::Method::PUT,
        HttpMethod::Patch => http::Method::PATCH,
        HttpMethod::Delete => http::Method::DELETE,
        HttpMethod::Options => http::Method::OPTIONS,
    }
}

/// The bytes that were judged, as the target of a request.
fn target(head: &RequestHead) -> Result<Uri, OriginFault> {
    let text = match &head.query {
        Some(query) => format!("{}?{query}", head.path),
        None => head.path.as_str().to_owned(),
    };
    let target = PathAndQuery::try_from(text.as_str()).ok().filter(|target| target.as_str() == text);
    target.map(Uri::from).ok_or(OriginFault::Target)
}

/// An answer that was made here. A body that nobody has read, or that a client keeps back until it hears of it, is not to
/// be taken for the next head.
fn whole_before_body(
    head: &RequestHead,
    mut response: Response<Vec<u8>>,
    exchange: Exchange,
) -> Response<AnswerBody> {
    if head.has_body() {
        close(&mut response);
    }
    whole(response, exchange)
}

fn whole(response: Response<Vec<u8>>, exchange: Exchange) -> Response<AnswerBody> {
    response.map(|text| AnswerBody::whole(text, exchange))
}
