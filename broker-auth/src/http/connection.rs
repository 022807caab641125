//! [`serve`]: one connection, request after request, until it ends or is cut.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use authenticator::decide::Granted;
use authenticator::http::{HttpMethod, RequestPath};
use authenticator::origin::{Origin, ServerName};
use authenticator::policy::Permit;
use authenticator::reason::{Reason, Refusal};
use authenticator::record::{Event, Record};
use authenticator::trust::ChainResult;
use embedded::{Hub, Recheck};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};

use super::caller::Caller;
use super::exchange::answer;
use super::flow::{Flow, Phase};
use super::head_reader::HeadReader;
use super::origin::OriginClient;
use super::relay::AnswerBody;
use super::settings::HttpSettings;
use crate::counters::Counters;
use crate::evidence::Gatherers;
use crate::gate::random_bits;
use crate::rules::RulesetStore;

/// How often a running transfer is judged again, though no rules have changed: certificates end by time alone.
const RECHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Bytes that hyper may hold of one connection in each direction.
const MAX_BUFFER: usize = 64 * 1024;

/// What every connection of a listener is answered by.
pub(crate) struct HttpContext {
    pub(crate) hub: Arc<Hub>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) rules: Arc<RulesetStore>,
    pub(crate) gatherers: Arc<Gatherers>,
    pub(crate) settings: HttpSettings,
    pub(crate) origin: Option<OriginClient>,
    /// Which listener it is, by its place in the configuration.
    pub(crate) listener: usize,
    /// How long the head of a request may take: the first from the handshake on, others from their first byte.
    pub(crate) head_timeout: Duration,
}

/// A client that has finished its handshake.
pub(crate) struct HttpClient {
    pub(crate) chain: ChainResult,
    pub(crate) peer: SocketAddr,
    /// Where the client is, if that is known: a balancer may not say.
    pub(crate) address: Option<IpAddr>,
    /// The server that it asked for, or the one that stands for none.
    pub(crate) asked_for: Option<ServerName>,
    /// The server that the handshake named, if it named one.
    pub(crate) server_name: Option<Box<str>>,
}

/// How a connection ended, and what is left of it.
pub(crate) enum ConnectionEnd<S> {
    /// All answers were written, and nothing more was asked for.
    Finished(S),
    /// It is to be cut at once: what is written and not sent is not to be sent.
    Cut(S),
}

/// One connection.
pub(super) struct HttpConnection {
    pub(super) context: Arc<HttpContext>,
    pub(super) caller: Caller,
    pub(super) flow: Arc<Flow>,
    running: Mutex<Option<Running>>,
}

/// A request that is being answered.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) method: HttpMethod,
    pub(super) path: RequestPath,
    pub(super) permit: Permit,
}

impl HttpConnection {
    /// A request was granted.
    pub(super) fn run(&self, running: Running) {
        *self.running.lock() = Some(running);
        self.flow.turned.notify_one();
    }

    /// Judges the request again that is being answered, if one is.
    fn refuse_running(&self) -> Result<(), (Running, Refusal)> {
        if !matches!(self.flow.now().0, Phase::Exchange | Phase::Ending) {
            return Ok(());
        }
        let Some(running) = self.running.lock().clone() else { return Ok(()) };
        let decision = self.caller.decide_again(&self.context, &running);
        match decision.outcome {
            Ok(Granted::Http { permit }) if permit.identity() == running.permit.identity() => Ok(()),
            Ok(_) => {
                let evidence = "the certificate maps to another identity now";
                let refusal = running.permit.client().refused(Reason::UnmappedIdentity, evidence);
                Err((running, refusal))
            }
            Err(refusal) => Err((running, refusal)),
        }
    }

    /// Whether the connection goes on; the log has why not.
    fn may_go_on(&self) -> bool {
        match self.refuse_running() {
            Ok(()) => true,
            Err((running, refusal)) => {
                self.context.counters.requests_refused.one();
                let record = Record::new(Event::Http)
                    .peer(self.caller.peer)
                    .permit(&running.permit)
                    .request(running.method, running.path.as_str())
                    .refused(&refusal)
                    .note("the answer was cut");
                self.context.hub.audit().write(&record);
                false
            }
        }
    }

    /// When it is to be looked at whether the connection has stood still for too long.
    fn deadline(&self) -> Instant {
        let idle = self.context.settings.idle_timeout;
        match self.flow.now() {
            (Phase::Head(since), _) => since + self.context.head_timeout,
            (Phase::Idle, moved) => moved + idle,
            (Phase::Exchange | Phase::Ending, moved) => (moved + idle).min(Instant::now() + RECHECK_INTERVAL),
        }
    }

    /// In which phase it has stood still for too long, if it has.
    fn late(&self) -> Option<Phase> {
        let (phase, moved) = self.flow.now();
        let late = match phase {
            Phase::Head(since) => since + self.context.head_timeout,
            Phase::Idle | Phase::Exchange | Phase::Ending => moved + self.context.settings.idle_timeout,
        };
        (late <= Instant::now()).then_some(phase)
    }
}

/// Serves a connection until it ends.
pub(crate) async fn serve<S>(context: Arc<HttpContext>, client: HttpClient, stream: S) -> ConnectionEnd<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let HttpClient { chain, peer, address, asked_for, server_name } = client;
    let origin = Origin { address, listener: Some(context.listener), server_name: asked_for, version: None };
    let caller = Caller::new(chain, peer, origin, random_bits());
    let mut changes = context.rules.changes();
    let mut stopping = context.hub.stopping();
    let flow = Flow::new(Instant::now());
    let reader = HeadReader::new(stream, server_name, Arc::clone(&flow));
    let connection = Arc::new(HttpConnection { context, caller, flow, running: Mutex::default() });
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
