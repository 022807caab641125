//! [`OriginClient`]: asks the origin, over a connection of its own for each request.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_rustls::TlsConnector;

use super::flow::Flow;
use super::request_body::RequestBody;
use super::upstream::Upstream;
use crate::transport::{OriginTls, OriginTlsError};

/// Why an origin cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OriginError {
    /// There is no way to verify its certificate.
    #[error("the origin {0} is asked by TLS, and [listener.upstream-tls] does not say by which `ca`")]
    NoTls(Box<str>),
    /// Its host cannot stand in a certificate.
    #[error("the host of the origin {0} cannot be verified")]
    Host(Box<str>),
    /// A file of `[listener.upstream-tls]` cannot be used.
    #[error(transparent)]
    Tls(#[from] OriginTlsError),
}

/// Why an origin did not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum OriginFault {
    /// No connection to it.
    #[error("it cannot be reached: {0}")]
    Connect(io::Error),
    /// It took too long.
    #[error("it did not {0} in time")]
    Timeout(&'static str),
    /// What it says is not HTTP, or it hung up.
    #[error("its answer cannot be read: {0}")]
    Http(#[from] hyper::Error),
    /// The target of the request cannot be written.
    #[error("the target of the request cannot be handed on")]
    Target,
    /// What ends its answer is said twice (RFC 9112 §6.3), and which one a client believes is not known.
    #[error("its answer has both Transfer-Encoding and Content-Length")]
    LengthTwice,
    /// It wants to speak something else.
    #[error("it answers with the status code {0}, which nobody asked for")]
    Status(u16),
}

/// Asks the origin.
#[derive(Clone)]
pub(crate) struct OriginClient {
    host: Box<str>,
    port: u16,
    authority: HeaderValue,
    tls: Option<(Arc<OriginTls>, ServerName<'static>)>,
    timeout: Duration,
}

/// The connection that an answer comes by. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct OriginConnection(JoinHandle<()>);

impl OriginClient {
    /// Reads what `upstream` names.
    ///
    /// # Errors
    /// A file is not what it should be, or there is none where there must be one.
    pub(crate) fn load(upstream: &Upstream, timeout: Duration) -> Result<Self, OriginError> {
        let named = || Box::from(upstream.authority());
        let host = upstream.host();
        let tls = if upstream.is_https() {
            let tls = upstream.tls.as_ref().ok_or_else(|| OriginError::NoTls(named()))?;
            let name = ServerName::try_from(host.to_owned()).map_err(|_| OriginError::Host(named()))?;
            Some((OriginTls::load(tls.clone())?, name))
        } else {
            None
        };
        let authority =
            HeaderValue::try_from(upstream.authority()).map_err(|_| OriginError::Host(named()))?;
        Ok(Self { host: host.into(), port: upstream.port(), authority, tls, timeout })
    }

    /// The TLS by which it is asked. `None`: it is asked in plain text.
    pub(crate) fn tls(&self) -> Option<&Arc<OriginTls>> {
        self.tls.as_ref().map(|(tls, _)| tls)
    }

    /// What Host says to it.
    pub(super) fn authority(&self) -> HeaderValue {
        self.authority.clone()
    }

    /// Asks it; `flow` tells whether the request is still on its way.
    pub(super) async fn ask(
        &self,
        request: Request<RequestBody>,
        flow: &Arc<Flow>,
    ) -> Result<(Response<Incoming>, OriginConnection), OriginFault> {
        let deadline = Instant::now() + self.timeout;
        let slow = |_| OriginFault::Timeout("accept a connection");
        let stream =
            timeout_at(deadline, TcpStream::connect((&*self.host, self.port))).await.map_err(slow)?;
        let stream = stream.map_err(OriginFault::Connect)?;
        // What is small is not to wait for more; without it all works too.
        let _ = stream.set_nodelay(true);
        match &self.tls {
            None => self.ask_over(stream, request, flow).await,
            Some((tls, name)) => {
                let connector = TlsConnector::from(tls.config());
                let stream =
                    timeout_at(deadline, connector.connect(name.clone(), stream)).await.map_err(slow)?;
                self.ask_over(stream.map_err(OriginFault::Connect)?, request, flow).await
            }
        }
    }

    async fn ask_over(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        request: Request<RequestBody>,
        flow: &Arc<Flow>,
    ) -> Result<(Response<Incoming>, OriginConnection), OriginFault> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = OriginConnection(tokio::spawn(async move {
            // Whoever reads the answer hears of it.
            let _ = connection.await;
        }));
        let answer = sender.send_request(request);
        tokio::pin!(answer);
        let response = loop {
            // An upload may take long: the time counts from when bytes moved last.
            let (_, moved) = flow.now();
            tokio::select! {
                response = &mut answer => break response?,
                () = sleep_until(moved + self.timeout) => {
                    if flow.now().1 == moved {
                        return Err(OriginFault::Timeout("begin its answer"));
                    }
                }
            }
        };
        if response.status().is_informational() {
            return Err(OriginFault::Status(response.status().as_u16()));
        }
        if [TRANSFER_ENCODING, CONTENT_LENGTH].iter().all(|name| response.headers().contains_key(name)) {
            return Err(OriginFault::LengthTwice);
        }
        Ok((response, connection))
    }
}

impl Drop for OriginConnection {
    fn drop(&mut self) {
        self.0.abort();
    }
}
