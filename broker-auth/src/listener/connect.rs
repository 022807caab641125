//! From an accepted socket to a whole CONNECT.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use authenticator::trust::ChainResult;
use mqtt::frame::FrameError;
use mqtt::wire::{FirstPacketError, Wire};
use mqtt::{Connect, ConnectAckReason, Connection, Packet, ReadError, Reader, Version};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::context::ListenerContext;
use super::handshake::{Proven, handshake};
use super::proxy_header::read_proxy_header;
use super::requests::serve_requests;
use super::slots::Slot;
use super::socket::Socket;
use crate::gate::{self, PendingClient, REFUSAL_DEADLINE};
use crate::http::{ExpectedHost, HttpClient};

/// How long a connection is silent before the system asks whether the client is there. Not sooner: each probe wakes the
/// radio of a device that sleeps, and address translators are to keep a silent connection for longer (RFC 5382, REQ-5: two
/// hours).
const VANISHED_AFTER: Duration = Duration::from_secs(15 * 60);
/// How long it waits for an answer.
const PROBE_INTERVAL: Duration = Duration::from_secs(75);
/// How often it asks before it gives the client up.
const PROBES: u32 = 4;

/// What was read instead of a CONNECT.
enum NoConnect {
    /// Something that an answer is owed to.
    Answered { wire: Wire, answer: Packet },
    /// Nothing, or something that MQTT has no answer to.
    Unanswered,
}

/// Serves one connection: TLS here, and then CONNECT and the gate on the threads of the sessions. What is wrong with a
/// certificate is said in a TLS alert, everything else in CONNACK.
pub(super) async fn serve(context: Arc<ListenerContext>, stream: TcpStream, peer: SocketAddr, slot: Slot) {
    // Telemetry is small and waits for no more of it.
    let _ = stream.set_nodelay(true);
    // Without it the other timers, if there are any, find a client that has vanished.
    let _ = find_vanished(&stream);
    let Some(proven) = handshake(&context, Socket::new(stream), peer).await else { return };
    let sessions = context.sessions.clone();
    sessions.spawn(serve_proven(context, proven, peer, slot));
}

/// Serves a connection of a balancer: as one from where its header says that the client is.
pub(super) async fn serve_proxied(
    context: Arc<ListenerContext>,
    mut stream: TcpStream,
    proxy: SocketAddr,
    place: OwnedSemaphorePermit,
) {
    let deadline = context.settings.limits.listener.handshake_timeout;
    let peer = match timeout(deadline, read_proxy_header(&mut stream)).await {
        Ok(Ok(client)) => client.unwrap_or(proxy),
        outcome => {
            let why = match outcome {
                Ok(Err(error)) => error.to_string(),
                _ => "no PROXY header came in time".to_owned(),
            };
            if let Some(count) = context.counters.proxy_headers_refused.sample() {
                tracing::warn!(%proxy, why, count, "a connection of a balancer is given up");
            }
            return;
        }
    };
    match context.slots.take(peer.ip()) {
        Ok(slot) => {
            drop(place);
            serve(context, stream, peer, slot).await;
        }
        Err(limit) => context.turn_away(peer, limit),
    }
}

/// Has the system ask a client that is silent whether it is there still. A client of MQTT 3.1.1 may ask for no keep-alive
/// (§3.1.2.10), and would hold its place forever if it lost its power.
fn find_vanished(stream: &TcpStream) -> io::Result<()> {
    let probes =
        TcpKeepalive::new().with_time(VANISHED_AFTER).with_interval(PROBE_INTERVAL).with_retries(PROBES);
    SockRef::from(stream).set_tcp_keepalive(&probes)
}

/// Serves a connection whose client has proven its certificate.
async fn serve_proven(context: Arc<ListenerContext>, proven: Proven, peer: SocketAddr, slot: Slot) {
    let Proven { mut stream, chain, asked } = proven;
    if let Err(error) = stream.get_mut().0.move_here() {
        tracing::error!(%peer, %error, "a connection is given up: the system has no room for it");
        return;
    }
    let place: Box<dyn Send> = match &chain {
        ChainResult::Proven(_) => Box::new(slot),
        ChainResult::Unproven(_) | ChainResult::NotPresented => {
            let Ok(unproven) = Arc::clone(&context.unproven).try_acquire_owned() else {
                if let Some(count) = context.counters.unproven_limited.sample() {
                    tracing::warn!(%peer, count, "clients without a proven certificate are turned away: there are too many");
                }
                return;
            };
            Box::new((slot, unproven))
        }
    };
    // A balancer that does not say where its client is says nothing for policies either.
    let address = (!context.settings.is_proxy(peer.ip())).then(|| peer.ip());
    if let Some(http) = &asked.host.http {
        let client = HttpClient {
            host: match stream.get_ref().1.server_name() {
                Some(name) => ExpectedHost::Named(name.into()),
                None => ExpectedHost::NoneOf(context.hosts.names_of_others(&asked.host)),
            },
            asked_for: asked.name.clone(),
            chain,
            peer,
            address,
        };
        serve_requests(Arc::clone(http), stream, client).await;
        return drop(place);
    }
    let limits = &context.settings.limits;
    let (mut reader, writer) = mqtt::open(Box::new(stream), &limits.connection);
    match read_connect(&context, &mut reader, peer).await {
        Ok((wire, connect)) => {
            let connection = Connection::new(reader, writer, wire);
            let client = PendingClient { connection, connect, chain, peer, address, place };
            gate::admit(&context.gate(&asked), client).await;
        }
        Err(NoConnect::Answered { wire, answer }) => {
            Connection::new(reader, writer, wire).close(Some(answer), REFUSAL_DEADLINE).await;
        }
        Err(NoConnect::Unanswered) => {}
    }
}

/// The first packet, within its deadline.
async fn read_connect(
    context: &ListenerContext,
    reader: &mut Reader,
    peer: SocketAddr,
) -> Result<(Wire, Box<Connect>), NoConnect> {
    let deadline = context.settings.limits.listener.connect_timeout;
    let frame = match timeout(deadline, reader.frame()).await {
        Ok(Ok(frame)) => frame,
        Ok(Err(ReadError::Closed)) => return Err(NoConnect::Unanswered),
        Ok(Err(error)) => {
            if matches!(error, ReadError::Frame(FrameError::TooLarge { .. })) {
                context.hub.counters().packets_limited.one();
            }
            tracing::info!(%peer, %error, "no CONNECT could be read");
            return Err(NoConnect::Unanswered);
        }
        Err(_) => {
            context.counters.connect_timeouts.one();
            tracing::info!(%peer, seconds = deadline.as_secs(), "no CONNECT came in time");
            return Err(NoConnect::Unanswered);
        }
    };
    Wire::first(frame).map_err(|error| {
        tracing::info!(%peer, %error, "no CONNECT could be read");
        match answer_to(&error) {
            Some((version, code, why)) => NoConnect::Answered {
                wire: Wire::for_refusal(version),
                answer: embedded::refuse_with(code, why),
            },
            None => NoConnect::Unanswered,
        }
    })
}

/// The CONNACK that a first packet is owed: in which version, with which code, and why in words.
fn answer_to(error: &FirstPacketError) -> Option<(Version, ConnectAckReason, &'static str)> {
    match error {
        FirstPacketError::NotConnect => None,
        FirstPacketError::Version(_) => {
            Some((Version::V3, ConnectAckReason::UnsupportedProtocolVersion, "unsupported protocol version"))
        }
        FirstPacketError::Malformed(malformed, version) if malformed.is_client_id() => {
            Some((*version, ConnectAckReason::ClientIdentifierNotValid, "client identifier not valid"))
        }
        // 3.1.1 has no code for it (§3.1.4).
        FirstPacketError::Malformed(_, Version::V3) => None,
        FirstPacketError::Malformed(_, Version::V5) => {
            Some((Version::V5, ConnectAckReason::MalformedPacket, "malformed CONNECT"))
        }
    }
}
