//! [`Exchange`]: one fetch, redirects included.

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, LOCATION, USER_AGENT,
};
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use crate::answer::Answer;
use crate::bounds::{Bounds, MAX_HEAD_LEN, MAX_REDIRECTS};
use crate::connect::connect;
use crate::error::{FetchFault, Stage};
use crate::fetched::Fetched;
use crate::freshness::max_age;
use crate::redirect::{RedirectFault, target};
use crate::url::Url;
use crate::validators::Validators;

/// How the broker calls itself. Some servers refuse whoever does not.
const AGENT: &str = concat!("countersign/", env!("CARGO_PKG_VERSION"));

/// One fetch, redirects included.
pub(crate) struct Exchange<'a> {
    pub(crate) tls: Option<&'a TlsConnector>,
    pub(crate) bounds: Bounds,
    /// When all of it must be done; whoever awaits it sees to that.
    pub(crate) deadline: Instant,
    /// What it waits for.
    pub(crate) stage: Stage,
}

impl Exchange<'_> {
    /// The file at `url`, unless it is still the one that `validators` describe.
    pub(crate) async fn get(&mut self, url: &Url, validators: &Validators) -> Result<Fetched, FetchFault> {
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let mut request = request(Method::GET, &url, Bytes::new())?;
            validators.ask(request.headers_mut());
            let answer = self.send(&url, request).await?;
            match answer.status {
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => {
                    url = target(&url, answer.header.get(LOCATION)).map_err(FetchFault::Redirect)?;
                }
                StatusCode::NOT_MODIFIED if validators.is_empty() => {
                    return Err(FetchFault::NotModifiedUnasked);
                }
                StatusCode::NOT_MODIFIED => {
                    return Ok(Fetched::NotModified { max_age: max_age(&answer.header) });
                }
                _ => {
                    let (validators, max_age) = (Validators::of(&answer.header), max_age(&answer.header));
                    let bytes = answer.into_file(self.bounds.max_bytes, &mut self.stage).await?;
                    return Ok(Fetched::Body { bytes, validators, max_age });
                }
            }
        }
        Err(FetchFault::Redirect(RedirectFault::TooMany))
    }

    /// What the server at `url` answers to `body`.
    pub(crate) async fn post(
        &mut self,
        url: &Url,
        content_type: HeaderValue,
        body: Bytes,
    ) -> Result<Bytes, FetchFault> {
        let mut request = request(Method::POST, url, body)?;
        request.headers_mut().insert(CONTENT_TYPE, content_type);
        let answer = self.send(url, request).await?;
        if answer.status.is_redirection() {
            return Err(FetchFault::Redirect(RedirectFault::NotAllowed));
        }
        answer.into_file(self.bounds.max_bytes, &mut self.stage).await
    }

    /// Sends a request on a connection of its own.
    async fn send(&mut self, url: &Url, request: Request<Full<Bytes>>) -> Result<Answer, FetchFault> {
        let stream = connect(url, self.tls, self.deadline, &mut self.stage).await?;
        self.stage = Stage::Head;
        let failed = |error: hyper::Error| FetchFault::http(&error, Stage::Head);
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEAD_LEN)
            .max_header_size(MAX_HEAD_LEN)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(failed)?;
        let mut running = JoinSet::new();
        running.spawn(connection);
        let response = sender.send_request(request).await.map_err(failed)?;
        Ok(Answer::new(response, running))
    }
}

fn request(method: Method, url: &Url, body: Bytes) -> Result<Request<Full<Bytes>>, FetchFault> {
    let request = Request::builder()
        .method(method)
        .uri(url.path_and_query())
        .header(HOST, url.host_and_port())
        .header(USER_AGENT, AGENT)
        .header(ACCEPT, "*/*")
        .header(ACCEPT_ENCODING, "identity")
        .header(CONNECTION, "close")
        .body(Full::new(body));
    request.map_err(|error| FetchFault::Connection { stage: Stage::Head, detail: error.to_string() })
}
