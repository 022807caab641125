//! Serving one connection: whatever happens first is dealt with first.

use std::collections::HashMap;
use std::num::NonZeroU16;
use std::time::Duration;

use bytes::BytesMut;
use tokio::time::{Instant, sleep_until};

use super::connack::Terms;
use super::connection::Connection;
use super::end::End;
use super::hub::stopped;
use super::life::Session;
use super::registry::Command;
use crate::engine::{EngineError, Link, Received};
use crate::packet::{DisconnectReasonCode, Packet, PublishAckReason, Text};

/// How often a session is judged again without a cause: certificates and trust anchors end by themselves.
const RECHECK_INTERVAL: Duration = Duration::from_secs(30);

/// Packets dealt with before revocation, take-over and time are looked at again. A client that floods must not delay
/// its own end.
const TURN: usize = 16;

/// What is known of a connection besides its bytes.
pub(super) struct Talk {
    pub(super) terms: Terms,
    /// Topic aliases the client has set (MQTT 5 §3.3.2.3.4). They end with the connection.
    pub(super) aliases: HashMap<NonZeroU16, Text>,
    last_heard: Instant,
}

impl Session {
    /// Serves one connection until it ends.
    pub(super) async fn serve(&mut self, connection: &mut Connection, terms: &Terms) -> End {
        let mut talk = Talk { terms: terms.clone(), aliases: HashMap::new(), last_heard: Instant::now() };
        let mut trust_changed = self.trust.changed();
        let mut recheck_at = Instant::now();
        let alarm = sleep_until(recheck_at);
        tokio::pin!(alarm);
        loop {
            self.fill(connection);
            let done = tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Attach(next)) => Err(End::TakenOver(next)),
                    Some(Command::Kick(done)) => Err(End::Kicked(done)),
                    None => Err(End::Stopping),
                },
                frame = connection.reader.frame(), if !connection.writer.is_full() => match frame {
                    Ok(frame) => {
                        talk.last_heard = Instant::now();
                        self.take_in(connection, &mut talk, frame).await
                    }
                    Err(error) => Err(End::read(error)),
                },
                written = connection.writer.write_some(), if connection.writer.has_work() => {
                    written.map_err(End::NotReading)
                }
                received = receive(&mut self.link) => self.gather(received).await,
                changed = trust_changed.changed() => match changed {
                    Ok(()) => self.recheck(),
                    Err(_) => Err(End::Stopping),
                },
                () = &mut alarm => {
                    let now = Instant::now();
                    let mut checked = Ok(());
                    if recheck_at <= now {
                        recheck_at = now + RECHECK_INTERVAL;
                        checked = self.recheck();
                    }
                    let silent = talk.terms.silence.map(|silence| talk.last_heard + silence);
                    if silent.is_some_and(|silent| silent <= now) {
                        checked = checked.and(Err(End::KeepAlive));
                    }
                    // Activity only moves the deadline back, so the alarm is set again when it rings, not before.
                    alarm.as_mut().reset(silent.map_or(recheck_at, |silent| silent.min(recheck_at)));
                    checked
                }
                () = stopped(&mut self.stopping) => Err(End::Stopping),
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// Whether the certificate is still good, and its issuer, and what is known of them.
    fn recheck(&self) -> Result<(), End> {
        self.trust.recheck(self.permit.device()).map_err(End::Refused)
    }

    /// Moves what may be sent into the connection's buffer.
    fn fill(&mut self, connection: &mut Connection) {
        let now = Instant::now();
        let mut moved = false;
        while connection.writer.has_room() {
            let Some(packet) = self.outbox.next(now) else { break };
            moved = true;
            let id = match &packet {
                Packet::Publish(publish) => publish.packet_id,
                _ => None,
            };
            if connection.send(packet).is_err() {
                self.hub.counters.dropped_oversize.one();
                if let Some(id) = id {
                    self.outbox.forget(id);
                }
            }
        }
        if moved {
            self.note_sizes();
        }
    }

    /// Deals with a packet, and with those that came with it.
    async fn take_in(
        &mut self,
        connection: &mut Connection,
        talk: &mut Talk,
        first: BytesMut,
    ) -> Result<(), End> {
        let mut next = Some(first);
        for _ in 0..TURN {
            let Some(frame) = next else { break };
            self.one(connection, talk, frame).await?;
            if connection.writer.is_full() {
                return Ok(());
            }
            next = connection.reader.buffered().map_err(End::read)?;
        }
        match next {
            // What was taken off the buffer is dealt with, whatever the turn.
            Some(frame) => self.one(connection, talk, frame).await,
            None => Ok(()),
        }
    }

    async fn one(
        &mut self,
        connection: &mut Connection,
        talk: &mut Talk,
        frame: BytesMut,
    ) -> Result<(), End> {
        let packet = connection
            .decode(frame)
            .map_err(|error| End::protocol(DisconnectReasonCode::MalformedPacket, error.to_string()))?;
        self.packet(connection, talk, packet).await
    }

    async fn packet(
        &mut self,
        connection: &mut Connection,
        talk: &mut Talk,
        packet: Packet,
    ) -> Result<(), End> {
        match packet {
            Packet::Publish(publish) => self.publish(connection, talk, *publish).await,
            Packet::Subscribe(subscribe) => self.subscribe(connection, subscribe).await,
            Packet::Unsubscribe(unsubscribe) => self.unsubscribe(connection, unsubscribe),
            Packet::PublishAck(ack) => self.puback(ack.packet_id),
            Packet::PublishReceived(ack) => {
                let wanted = matches!(
                    ack.reason_code,
                    PublishAckReason::Success | PublishAckReason::NoMatchingSubscribers
                );
                self.pubrec(connection, ack.packet_id, wanted)
            }
            Packet::PublishRelease(ack) => self.pubrel(connection, ack.packet_id),
            Packet::PublishComplete(ack) => self.pubcomp(ack.packet_id),
            Packet::PingRequest => reply(connection, Packet::PingResponse),
            Packet::Disconnect(disconnect) => Err(self.goodbye(&disconnect)),
            Packet::Connect(_) => Err(End::protocol(DisconnectReasonCode::ProtocolError, "a second CONNECT")),
            Packet::Auth(_) => Err(End::protocol(
                DisconnectReasonCode::ProtocolError,
                "AUTH without an authentication method",
            )),
            Packet::ConnectAck(_)
            | Packet::SubscribeAck(_)
            | Packet::UnsubscribeAck(_)
            | Packet::PingResponse => {
                Err(End::protocol(DisconnectReasonCode::ProtocolError, "a packet only a server sends"))
            }
        }
    }
}

/// Puts an answer into the connection's buffer.
pub(super) fn reply(connection: &mut Connection, packet: Packet) -> Result<(), End> {
    connection.send(packet).map_err(|_| {
        End::protocol(
            DisconnectReasonCode::PacketTooLarge,
            "the client accepts no packet as long as this answer",
        )
    })
}

/// What arrives over the link; never, if there is none.
pub(super) async fn receive(link: &mut Option<Link>) -> Result<Received, EngineError> {
    match link {
        Some(link) => link.receive().await,
        None => std::future::pending().await,
    }
}
