//! The TLS handshake: what can be refused for little is refused first.
//!
//! In this order: a connection without a place gets no task ([`super::slots`]); nothing is computed before a whole ClientHello is
//! there; a handshake among too many waits ([`super::rate`]), and longer if its host was refused lately
//! ([`super::refused_hosts`]); what rustls can tell from the ClientHello alone (no version,
//! suite, group or signature scheme in common) it refuses before its first operation with a key; and of the client's
//! certificate everything is looked at before its first signature is ([`crate::trust`]). All of it is computed on threads of
//! its own ([`crate::threads`]), so a crowd of strangers takes nothing from the sessions but what these leave.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use authenticator::decide::Request;
use authenticator::origin::Origin;
use authenticator::reason::Refusal;
use authenticator::record::{Event, Record};
use authenticator::trust::ChainResult;
use rustls::server::Acceptor;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, error::Elapsed, timeout, timeout_at};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::context::ListenerContext;
use super::lingering_close::lingering_close;
use super::network::{Host, Network};
use super::socket::Socket;
use super::virtual_hosts::Asked;
use crate::transport::connection_config;

/// A connection after its handshake.
pub(super) struct Proven {
    pub(super) stream: TlsStream<Socket>,
    /// What became of the chain that its client presented.
    pub(super) chain: ChainResult,
    /// Whom it has asked for.
    pub(super) asked: Asked,
}

/// The fatal alert unrecognized_name (RFC 6066 §3), in the record that it goes out in before anything is agreed on.
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// The fatal alert no_application_protocol (RFC 7301 §3.2), likewise.
const NO_APPLICATION_PROTOCOL: [u8; 7] = [21, 3, 3, 0, 2, 2, 120];

/// How long a client may take to read an alert.
const ALERT_DEADLINE: Duration = Duration::from_secs(1);

/// Why a handshake did not succeed.
enum Failed {
    /// The client did not send its part in time.
    Slow,
    /// It waited too long for its turn to begin.
    Limited,
    /// TLS failed, perhaps over the certificate. What is left of the connection has an alert on it.
    Tls { error: io::Error, stream: Option<Socket>, refusal: Option<Refusal> },
    /// TLS succeeded, but proved nothing.
    Unproven(Refusal),
    /// The client asked for a server that is not here.
    UnknownServer { name: Option<String>, stream: Socket },
    /// The client does not offer the application protocol that it must.
    NoProtocol(Socket),
    /// There is no TLS configuration.
    Unconfigured(rustls::Error),
}

impl From<Elapsed> for Failed {
    fn from(_: Elapsed) -> Self {
        Self::Slow
    }
}

/// The TLS handshake, within its deadline; and what became of the client's chain.
pub(super) async fn handshake(context: &ListenerContext, stream: Socket, peer: SocketAddr) -> Option<Proven> {
    let failed = match prove(context, stream, peer).await {
        Ok(proven) => {
            let host = Host::of(peer.ip());
            match proven.chain {
                ChainResult::Proven(_) => context.refused_hosts.succeeded(host),
                // Let in or not, it is a stranger.
                ChainResult::Unproven(_) | ChainResult::NotPresented => {
                    context.refused_hosts.refused(host, Instant::now());
                }
            }
            return Some(proven);
        }
        Err(failed) => failed,
    };
    let counters = &context.counters;
    counters.handshakes_refused.one();
    match failed {
        Failed::Slow => {
            counters.handshake_timeouts.one();
            let seconds = context.settings.limits.listener.handshake_timeout.as_secs();
            tracing::info!(%peer, seconds, "a TLS handshake took too long");
        }
        Failed::Limited => {
            if let Some(count) = counters.handshakes_limited.sample() {
                tracing::warn!(
                    %peer,
                    limit = "max-handshakes-per-second",
                    count,
                    "handshakes did not begin in time: a limit is met"
                );
            }
        }
        Failed::Tls { error, stream, refusal } => {
            match &refusal {
                Some(refusal) => refuse(context, peer, refusal),
                None => tracing::info!(%peer, %error, "a TLS handshake failed"),
            }
            if let Some(stream) = stream {
                lingering_close(stream).await;
            }
        }
        Failed::NoProtocol(stream) => {
            tracing::info!(%peer, "a client does not offer the application protocol `mqtt`, which `alpn` requires");
            refuse_hello(stream, &NO_APPLICATION_PROTOCOL).await;
        }
        Failed::UnknownServer { name, stream } => {
            let name = name.as_deref().unwrap_or("none");
            if let Some(count) = counters.server_names_refused.sample() {
                tracing::info!(%peer, server_name = name, count, "a client asked for a server that is not here");
            }
            refuse_hello(stream, &UNRECOGNIZED_NAME).await;
        }
        Failed::Unproven(refusal) => refuse(context, peer, &refusal),
        Failed::Unconfigured(error) => tracing::error!(%error, "no TLS configuration could be made"),
    }
    None
}

/// Sends an alert to a client that has sent its ClientHello and got nothing yet.
async fn refuse_hello(mut stream: Socket, alert: &[u8]) {
    if let Ok(Ok(())) = timeout(ALERT_DEADLINE, stream.write_all(alert)).await {
        lingering_close(stream).await;
    }
}

fn refuse(context: &ListenerContext, peer: SocketAddr, refusal: &Refusal) {
    context.refused_hosts.refused(Host::of(peer.ip()), Instant::now());
    context.hub.audit().write(&Record::new(Event::Handshake).peer(peer).refused(refusal));
}

async fn prove(context: &ListenerContext, stream: Socket, peer: SocketAddr) -> Result<Proven, Failed> {
    let deadline = Instant::now() + context.settings.limits.listener.handshake_timeout;
    let counters = &context.counters;

    let mut hello = pin!(LazyConfigAcceptor::new(Acceptor::default(), stream));
    let started = match timeout_at(deadline, hello.as_mut()).await? {
        Ok(started) => started,
        Err(error) => return Err(Failed::Tls { error, stream: hello.take_io(), refusal: None }),
    };
    match timeout_at(deadline, context.rate.begin(Network::of(peer.ip()))).await {
        Ok(true) => {
            counters.handshakes_paced.one();
        }
        Ok(false) => {}
        Err(_) => return Err(Failed::Limited),
    }

    let name = started.client_hello().server_name().map(str::to_owned);
    let Some(asked) = context.hosts.asked_for(name.as_deref()) else {
        return Err(Failed::UnknownServer { name, stream: started.io });
    };
    let host = &asked.host;
    let Some(protocols) = host.protocols(started.client_hello().alpn().into_iter().flatten()) else {
        return Err(Failed::NoProtocol(started.io));
    };
    let (config, chain) =
        connection_config(&host.rules, &host.certificate, host.settings.tls_versions, protocols)
            .map_err(Failed::Unconfigured)?;
    // `into_stream` computes the answer to the ClientHello, so it belongs into a turn.
    let rest = async { started.into_stream(config).into_fallible().await };
    let queued = || counters.handshakes_queued.one();
    let urgency = context.refused_hosts.urgency(Host::of(peer.ip()), Instant::now());
    match timeout_at(deadline, context.turns.run(urgency, rest, queued)).await? {
        Ok(stream) => {
            let chain = chain.of(stream.get_ref().1).map_err(Failed::Unproven)?;
            host.rules
                .decide(chain.clone(), Origin::default(), &Request::Handshake)
                .outcome
                .map_err(Failed::Unproven)?;
            if let ChainResult::Proven(proven) = &chain {
                host.rules.note_legacy_leaf(peer, proven);
            }
            Ok(Proven { stream, chain, asked })
        }
        Err((error, stream)) => {
            let refusal = tls_error(&error).and_then(|error| chain.refusal(error));
            Err(Failed::Tls { error, stream: Some(stream), refusal })
        }
    }
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}
