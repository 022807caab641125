//! From an accepted socket to a session: TLS, CONNECT, identity, policy, client id, will.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::handshake::handshake;
use super::{Door, Slot};
use crate::audit::{self, Decision, Event};
use crate::identity::identify;
use crate::packet::frame::FrameError;
use crate::packet::wire::{FirstPacketError, Wire};
use crate::packet::{Connect, ConnectAckReason, Packet, Version};
use crate::policy::{ClientIdBinding, Permit};
use crate::reason::Refusal;
use crate::session::connection::{self, Connection, ReadError, Reader, Writer};
use crate::session::{Arriving, UnfitWill, Unrouted, check_will, refuse, refuse_with};
use crate::trust::VerifiedChain;

/// How long a refused client may take to read why.
const GOODBYE: Duration = Duration::from_secs(1);

/// Lets a connection in, or refuses it and says why: in a TLS alert what is wrong with its certificate, in CONNACK
/// everything else.
pub(super) async fn admit(door: Arc<Door>, stream: TcpStream, peer: SocketAddr, slot: Slot) {
    // Telemetry is small and waits for no more of it.
    let _ = stream.set_nodelay(true);
    let Some((stream, chain)) = handshake(&door, stream, peer).await else { return };
    let (mut reader, writer) = connection::open(Box::new(stream), &door.config.limits);
    let first = read_connect(&door, &mut reader, peer).await;
    let (wire, connect) = match first {
        Ok(first) => first,
        Err(Some((wire, answer))) => {
            return Connection::new(reader, writer, wire).close(Some(answer), GOODBYE).await;
        }
        Err(None) => return,
    };
    enter(&door, Newcomer { reader, writer, wire, connect, chain, peer, slot }).await;
}

/// The first packet, within its deadline. An error may come with an answer for the client.
async fn read_connect(
    door: &Door,
    reader: &mut Reader,
    peer: SocketAddr,
) -> Result<(Wire, Box<Connect>), Option<(Wire, Packet)>> {
    let frame = match timeout(door.config.limits.connect_timeout, reader.frame()).await {
        Ok(Ok(frame)) => frame,
        Ok(Err(ReadError::Closed)) => return Err(None),
        Ok(Err(error)) => {
            if matches!(error, ReadError::Frame(FrameError::TooLarge { .. })) {
                door.hub.counters.packets_limited.one();
            }
            tracing::info!(%peer, %error, "no CONNECT could be read");
            return Err(None);
        }
        Err(_) => {
            door.hub.counters.connect_timeouts.one();
            tracing::info!(%peer, seconds = door.config.limits.connect_timeout.as_secs(), "no CONNECT came in time");
            return Err(None);
        }
    };
    Wire::first(frame).map_err(|error| {
        tracing::info!(%peer, %error, "no CONNECT could be read");
        let (version, code, why) = match &error {
            FirstPacketError::NotConnect => return None,
            FirstPacketError::Version(_) => {
                (Version::V3, ConnectAckReason::UnsupportedProtocolVersion, "unsupported protocol version")
            }
            FirstPacketError::Malformed(malformed, version) if malformed.is_client_id() => {
                (*version, ConnectAckReason::ClientIdentifierNotValid, "client identifier not valid")
            }
            // 3.1.1 has no code for it (§3.1.4).
            FirstPacketError::Malformed(_, Version::V3) => return None,
            FirstPacketError::Malformed(_, Version::V5) => {
                (Version::V5, ConnectAckReason::MalformedPacket, "malformed CONNECT")
            }
        };
        Some((Wire::for_refusal(version), refuse_with(code, why)))
    })
}

/// A client whose certificate is proven and whose CONNECT has been read.
struct Newcomer {
    reader: Reader,
    writer: Writer,
    wire: Wire,
    connect: Box<Connect>,
    chain: VerifiedChain,
    peer: SocketAddr,
    slot: Slot,
}

async fn enter(door: &Door, newcomer: Newcomer) {
    let Newcomer { reader, writer, wire, connect, chain, peer, slot } = newcomer;
    let connection = Connection::new(reader, writer, wire);
    if connect.auth_method.is_some() {
        door.hub.counters.connects_refused.one();
        let answer = refuse_with(ConnectAckReason::BadAuthenticationMethod, "no authentication methods");
        return connection.close(Some(answer), GOODBYE).await;
    }
    // MQTT 5 §3.1.2.11.10
    if connect.auth_data.is_some() {
        door.hub.counters.connects_refused.one();
        let answer = refuse_with(ConnectAckReason::ProtocolError, "authentication data without a method");
        return connection.close(Some(answer), GOODBYE).await;
    }
    let client_id = connect.client_id.clone();
    let (permit, binding) = match judge(door, chain, &connect) {
        Ok(let_in) => let_in,
        Err(refusal) => return turn_away(door, connection, peer, &client_id, &refusal).await,
    };
    if let Some(will) = &connect.last_will
        && let Err(unfit) = check_will(will, &door.config.limits)
    {
        let answer = refuse_will(door, peer, &permit, unfit);
        return connection.close(Some(answer), GOODBYE).await;
    }
    let decision = Decision::new(Event::Connect).peer(peer).permit(&permit);
    let arriving = Arriving {
        connection,
        connect,
        binding: binding.clone(),
        permit: permit.clone(),
        trust: Arc::clone(&door.trust),
        limits: door.config.limits.clone(),
        peer,
        decision: decision.id(),
        slot,
    };
    match door.hub.registry.attach(&door.hub, Box::new(arriving)) {
        Ok(()) => {
            door.hub.counters.connects.one();
            audit::decision(&decision.client_id(binding.as_str()));
        }
        Err(Unrouted::Refused(arriving, refusal)) => {
            turn_away(door, arriving.connection, peer, &client_id, &refusal).await;
        }
        Err(Unrouted::Full(arriving)) => {
            door.hub.counters.sessions_limited.one();
            no_room(door, arriving, "max-sessions").await;
        }
        Err(Unrouted::FullIdentity(arriving)) => {
            door.hub.counters.sessions_limited.one();
            door.hub.counters.sessions_limited_by_identity.one();
            no_room(door, arriving, "max-sessions-per-identity").await;
        }
        Err(Unrouted::Busy(arriving)) => {
            door.hub.counters.connects_refused.one();
            tracing::warn!(%peer, client_id = &*client_id, "a session is fought over by several connections");
            let answer = refuse_with(ConnectAckReason::ServerBusy, "the session is being taken over already");
            arriving.connection.close(Some(answer), GOODBYE).await;
        }
    }
}

/// There is no room for another session.
async fn no_room(door: &Door, arriving: Box<Arriving>, limit: &'static str) {
    door.hub.counters.connects_refused.one();
    let Arriving { connection, binding, permit, peer, .. } = *arriving;
    tracing::warn!(
        %peer,
        client_id = binding.as_str(),
        identity = permit.identity().as_str(),
        limit,
        "there is no room for another session"
    );
    let answer = refuse_with(ConnectAckReason::QuotaExceeded, "no room for another session");
    connection.close(Some(answer), GOODBYE).await;
}

/// A will that is too long to be kept.
fn refuse_will(door: &Door, peer: SocketAddr, permit: &Permit, unfit: UnfitWill) -> Packet {
    door.hub.counters.connects_refused.one();
    let count = door.hub.counters.wills_limited.one();
    if count.is_power_of_two() {
        tracing::warn!(%peer, identity = permit.identity().as_str(), count, "a last will is refused: it is {unfit}");
    }
    match unfit {
        UnfitWill::Topic(_) => {
            refuse_with(ConnectAckReason::TopicNameInvalid, "the will's topic is too long")
        }
        UnfitWill::Size { .. } => refuse_with(ConnectAckReason::QuotaExceeded, "the will is too long"),
    }
}

/// Identity, policy, client id and will.
fn judge(door: &Door, chain: VerifiedChain, connect: &Connect) -> Result<(Permit, ClientIdBinding), Refusal> {
    let device = identify(chain, &door.identity)?;
    // The client had some seconds for its CONNECT, in which it may have been revoked.
    door.trust.recheck(&device)?;
    let permit = door.policies.decide(&device)?;
    let binding = permit.client_id(&connect.client_id)?;
    if let Some(will) = &connect.last_will {
        permit.publish(&will.topic)?;
    }
    Ok((permit, binding))
}

async fn turn_away(
    door: &Door,
    connection: Connection,
    peer: SocketAddr,
    client_id: &str,
    refusal: &Refusal,
) {
    door.hub.counters.connects_refused.one();
    audit::decision(&Decision::new(Event::Connect).peer(peer).client_id(client_id).refused(refusal));
    connection.close(Some(refuse(refusal)), GOODBYE).await;
}
