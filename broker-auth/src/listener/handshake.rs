//! The TLS handshake: what can be refused for little is refused first.
//!
//! In this order: who has no place gets no task ([`super::slots`]); nothing is computed before a whole ClientHello is
//! there; who comes in a crowd waits ([`super::rate`]); what rustls can tell from the ClientHello alone (no version,
//! suite, group or signature scheme in common) it refuses before its first operation with a key; and of the client's
//! certificate everything is looked at before its first signature is ([`crate::trust`]).

use std::io;
use std::net::SocketAddr;
use std::pin::pin;

use rustls::server::Acceptor;
use tokio::net::TcpStream;
use tokio::time::{Instant, error::Elapsed, timeout_at};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::Door;
use super::farewell::lingering_close;
use super::network::Network;
use crate::audit::{self, Decision, Event};
use crate::reason::Refusal;
use crate::trust::{VerifiedChain, connection_config};

/// A connection, and the chain its client has proven.
type Proven = (TlsStream<TcpStream>, VerifiedChain);

/// Why a handshake did not succeed.
enum Failed {
    /// The client did not send its part in time.
    Slow,
    /// Too many others wanted to begin, too.
    Crowded,
    /// TLS failed, perhaps over the certificate. What is left of the connection has an alert on it.
    Tls { error: io::Error, stream: Option<TcpStream>, refusal: Option<Refusal> },
    /// TLS succeeded, but proved nothing.
    Unproven(Refusal),
    /// There is no TLS configuration.
    Unconfigured(rustls::Error),
}

impl From<Elapsed> for Failed {
    fn from(_: Elapsed) -> Self {
        Self::Slow
    }
}

/// The TLS handshake, within its deadline; the chain that it proved.
pub(super) async fn handshake(door: &Door, stream: TcpStream, peer: SocketAddr) -> Option<Proven> {
    let failed = match prove(door, stream, peer).await {
        Ok(proven) => return Some(proven),
        Err(failed) => failed,
    };
    let counters = &door.hub.counters;
    counters.handshakes_refused.one();
    match failed {
        Failed::Slow => {
            counters.handshake_timeouts.one();
            let seconds = door.config.limits.handshake_timeout.as_secs();
            tracing::info!(%peer, seconds, "a TLS handshake took too long");
        }
        Failed::Crowded => {
            let count = counters.handshakes_limited.one();
            if count.is_power_of_two() {
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
                Some(refusal) => refuse(peer, refusal),
                None => tracing::info!(%peer, %error, "a TLS handshake failed"),
            }
            if let Some(stream) = stream {
                lingering_close(stream).await;
            }
        }
        Failed::Unproven(refusal) => refuse(peer, &refusal),
        Failed::Unconfigured(error) => tracing::error!(%error, "no TLS configuration could be made"),
    }
    None
}

fn refuse(peer: SocketAddr, refusal: &Refusal) {
    audit::decision(&Decision::new(Event::Handshake).peer(peer).refused(refusal));
}

async fn prove(door: &Door, stream: TcpStream, peer: SocketAddr) -> Result<Proven, Failed> {
    let deadline = Instant::now() + door.config.limits.handshake_timeout;
    let counters = &door.hub.counters;

    let mut hello = pin!(LazyConfigAcceptor::new(Acceptor::default(), stream));
    let started = match timeout_at(deadline, hello.as_mut()).await? {
        Ok(started) => started,
        Err(error) => return Err(Failed::Tls { error, stream: hello.take_io(), refusal: None }),
    };
    match timeout_at(deadline, door.rate.begin(Network::of(peer.ip()))).await {
        Ok(true) => {
            counters.handshakes_paced.one();
        }
        Ok(false) => {}
        Err(_) => return Err(Failed::Crowded),
    }

    let (config, verdict) = connection_config(&door.trust, &door.certificate, door.config.tls_versions)
        .map_err(Failed::Unconfigured)?;
    // `into_stream` computes the answer to the ClientHello, so it belongs into a turn.
    let rest = async { started.into_stream(config).into_fallible().await };
    let queued = || _ = counters.handshakes_queued.one();
    match timeout_at(deadline, door.turns.run(rest, queued)).await? {
        Ok(stream) => match verdict.of(stream.get_ref().1) {
            Ok(chain) => Ok((stream, chain)),
            Err(refusal) => Err(Failed::Unproven(refusal)),
        },
        Err((error, stream)) => {
            let refusal = tls_error(&error).and_then(|error| verdict.refusal(error));
            Err(Failed::Tls { error, stream: Some(stream), refusal })
        }
    }
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}
