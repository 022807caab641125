//! [`serve`]: one connection, request after request, until it ends or is cut.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use authenticator::origin::{Origin, ServerName};
use authenticator::trust::ChainResult;
use embedded::Recheck;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};

use super::answer_body::AnswerBody;
use super::caller::Caller;
use super::connection::{HttpConnection, HttpContext};
use super::exchange::answer;
use super::expected_host::ExpectedHost;
use super::flow::{Flow, Phase};
use super::head_reader::HeadReader;
use crate::gate::random_bits;

/// Bytes that hyper may hold of one connection in each direction.
const MAX_BUFFER: usize = 64 * 1024;

/// A client that has finished its handshake.
pub(crate) struct HttpClient {
    pub(crate) chain: ChainResult,
    pub(crate) peer: SocketAddr,
    /// Where the client is, if that is known: a balancer may not say.
    pub(crate) address: Option<IpAddr>,
    /// The server that it asked for, or the one that stands for none.
    pub(crate) asked_for: Option<ServerName>,
    /// Which Host its requests may have.
    pub(crate) host: ExpectedHost,
}

/// How a connection ended, and what is left of it.
pub(crate) enum ConnectionEnd<S> {
    /// All answers were written, and nothing more was asked for.
    Finished(S),
    /// It is to be cut at once: what is written and not sent is not to be sent.
    Cut(S),
}

/// Serves a connection until it ends.
pub(crate) async fn serve<S>(context: Arc<HttpContext>, client: HttpClient, stream: S) -> ConnectionEnd<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let HttpClient { chain, peer, address, asked_for, host } = client;
    let origin = Origin { address, listener: Some(context.listener), server_name: asked_for, version: None };
    let caller = Caller::new(chain, peer, origin, random_bits());
    let mut changes = context.recheck.changes();
    let mut stopping = context.hub.stopping();
    let flow = Flow::new(Instant::now());
    let reader = HeadReader::new(stream, host, Arc::clone(&flow));
    let connection = Arc::new(HttpConnection::new(context, caller, flow));
    let answering = Arc::clone(&connection);
    let service = service_fn(move |request: Request<Incoming>| -> Answering {
        let connection = Arc::clone(&answering);
        Box::pin(async move { Ok(answer(connection, request.into_body()).await) })
    });
    let mut serving = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(MAX_BUFFER)
        .serve_connection(TokioIo::new(reader), service);
    let mut is_stopping = false;
    let is_finished = loop {
        tokio::select! {
            done = poll_fn(|context| serving.poll_without_shutdown(context)) => break done.is_ok(),
            Ok(()) = changes.changed() => {
                if !connection.may_go_on() {
                    break false;
                }
            }
            () = connection.flow.turned.notified() => {}
            () = sleep_until(connection.deadline()) => {
                if let Some(phase) = connection.late() {
                    let is_between = matches!(phase, Phase::Idle | Phase::Head(_));
                    if !is_between {
                        tracing::info!(peer = %connection.caller.peer, "an HTTP request stands still, and is cut");
                    }
                    break is_between;
                }
                if !connection.may_go_on() {
                    break false;
                }
            }
            Ok(_) = stopping.wait_for(|stopping| *stopping), if !is_stopping => {
                is_stopping = true;
                Pin::new(&mut serving).graceful_shutdown();
            }
        }
    };
    let stream = serving.into_parts().io.into_inner().into_inner();
    if is_finished { ConnectionEnd::Finished(stream) } else { ConnectionEnd::Cut(stream) }
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<AnswerBody>, Infallible>> + Send>>;
