//! Serving one connection: whatever happens first is dealt with first.

use std::collections::HashMap;
use std::num::NonZeroU16;
use std::time::Duration;

use bytes::BytesMut;
use tokio::sync::{mpsc, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until, timeout};

use super::connack::Terms;
use super::end::End;
use super::hub::stopped;
use super::life::Session;
use super::registry::Command;
use crate::engine::{EngineError, Link, Received};
use crate::recheck::Recheck;
use authenticator::policy::Permit;
use mqtt::frame::FrameError;
use mqtt::{Connection, ReadError};
use mqtt::{DisconnectReasonCode, Packet, Text};

/// How often a session is judged again without a cause: certificates and trust anchors end by themselves.
const RECHECK_INTERVAL: Duration = Duration::from_secs(30);

/// Packets dealt with before take-over and time are looked at again; revocation is with each. A client that floods must
/// not delay its own end.
const TURN: usize = 16;

/// How long the engine may take over all filters of one SUBSCRIBE; nothing else ends the connection meanwhile.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(5);

/// What is known of a connection besides its bytes.
pub(super) struct Talk {
    pub(super) terms: Terms,
    /// Topic aliases the client has set (MQTT 5 §3.3.2.3.4). They end with the connection.
    pub(super) aliases: HashMap<NonZeroU16, Text>,
    last_heard: Instant,
    pub(super) trust_changed: watch::Receiver<u64>,
}

impl Session {
    /// Serves one connection until it ends.
    pub(super) async fn serve(&mut self, connection: &mut Connection, terms: &Terms) -> End {
        let _serving = self.hub.serving();
        if *self.stopping.borrow() {
            return End::Stopping;
        }
        let mut talk = Talk {
            terms: terms.clone(),
            aliases: HashMap::new(),
            last_heard: Instant::now(),
            trust_changed: self.recheck.changes(),
        };
        // From here on every change is noticed; this is for one that came since the certificate was judged.
        if let Err(end) = recheck(&*self.recheck, &self.permit) {
            return end;
        }
        let mut recheck_at = Instant::now();
        let alarm = sleep_until(recheck_at);
        tokio::pin!(alarm);
        loop {
            self.fill(connection);
            rest(connection, &mut talk);
            let done = tokio::select! {
                end = cut(
                    &mut self.commands,
                    &mut self.stopping,
                    &mut talk.trust_changed,
                    || recheck(&*self.recheck, &self.permit),
                ) => Err(end),
                frame = connection.reader.frame(), if !connection.writer.is_full() => match frame {
                    Ok(frame) => {
                        let done = self.take_in(connection, &mut talk, frame).await;
                        // It may have waited for the engine meanwhile.
                        talk.last_heard = Instant::now();
                        done
                    }
                    Err(error) => Err(self.unreadable(error)),
                },
                written = connection.writer.write_some(), if connection.writer.has_work() => {
                    written.map_err(End::NotReading)
                }
                received = receive(&mut self.link) => self.gather(received).await,
                () = self.memberships.woken() => {
                    // There is a message to be drawn; other members that were woken come first.
                    yield_now().await;
                    Ok(())
                }
                () = &mut alarm => {
                    rest(connection, &mut talk);
                    let now = Instant::now();
                    let mut checked = Ok(());
                    if recheck_at <= now {
                        recheck_at = now + RECHECK_INTERVAL;
                        checked = recheck(&*self.recheck, &self.permit);
                    }
                    let silent = talk.terms.silence.map(|silence| talk.last_heard + silence);
                    if silent.is_some_and(|silent| silent <= now) {
                        checked = checked.and(Err(End::KeepAlive));
                    }
                    // Activity only moves the deadline back, so the alarm is set again when it rings, not before.
                    alarm.as_mut().reset(silent.map_or(recheck_at, |silent| silent.min(recheck_at)));
                    checked
                }
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// The end that follows from a failed read.
    fn unreadable(&self, error: ReadError) -> End {
        if matches!(error, ReadError::Frame(FrameError::TooLarge { .. })) {
            self.hub.counters.packets_limited.one();
        }
        End::read(error)
    }

    /// Moves what may be sent into the connection's buffer.
    pub(super) fn fill(&mut self, connection: &mut Connection) {
        let now = Instant::now();
        let mut drawn = false;
        while connection.writer.has_room() {
            let Some(packet) = self.outbox.next(now) else {
                // One at a time, so that the members of a group take turns.
                if !drawn && self.draw(now) {
                    drawn = true;
                    continue;
                }
                break;
            };
            let (topic, id) = match &packet {
                Packet::Publish(publish) => (Some(publish.topic.clone()), publish.packet_id),
                _ => (None, None),
            };
            if connection.send(packet).is_err() {
                // The member's turn is not over: nothing has been sent.
                drawn = false;
                self.oversize(topic.as_deref().unwrap_or_default());
                if let Some(id) = id {
                    self.outbox.forget(id);
                }
            }
        }
        if !connection.writer.has_room() {
            self.memberships.rest();
        }
        // Acknowledgements shorten it as well.
        self.note_queue();
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
            if talk.trust_changed.has_changed().unwrap_or(true) {
                recheck(&*self.recheck, &self.permit)?;
            }
            self.one(connection, talk, frame).await?;
            if connection.writer.is_full() {
                return Ok(());
            }
            next = connection.reader.buffered().map_err(|error| self.unreadable(error))?;
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
            Packet::Subscribe(subscribe) => {
                let subscribed = timeout(SUBSCRIBE_TIMEOUT, self.subscribe(connection, subscribe));
                subscribed.await.unwrap_or(Err(End::EngineBusy))
            }
            Packet::Unsubscribe(unsubscribe) => self.unsubscribe(connection, unsubscribe),
            Packet::PublishAck(ack) => self.puback(ack.packet_id),
            Packet::PublishReceived(ack) => self.pubrec(connection, &ack),
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

/// Notes that a client that takes nothing off us is not listened to either, so that it is not silent meanwhile. It has
/// another deadline.
fn rest(connection: &mut Connection, talk: &mut Talk) {
    if connection.writer.is_full() {
        talk.last_heard = Instant::now();
        connection.reader.pause();
    }
}

/// Waits until somebody else ends the connection: its next one, an operator, the certificate's issuer, or the end of the
/// broker. Cancelling the future loses nothing.
pub(super) async fn cut(
    commands: &mut mpsc::Receiver<Command>,
    stopping: &mut watch::Receiver<bool>,
    trust_changed: &mut watch::Receiver<u64>,
    recheck: impl Fn() -> Result<(), End>,
) -> End {
    loop {
        tokio::select! {
            command = commands.recv() => return match command {
                Some(Command::Attach(next)) => End::TakenOver(next),
                Some(Command::Kick(done)) => End::Kicked(done),
                None => End::Stopping,
            },
            changed = trust_changed.changed() => match changed.map(|()| recheck()) {
                Ok(Ok(())) => {}
                Ok(Err(end)) => return end,
                Err(_) => return End::Stopping,
            },
            () = stopped(stopping) => return End::Stopping,
        }
    }
}

/// Whether the certificate is still good, and its issuer, and what is known of them.
pub(super) fn recheck(judge: &dyn Recheck, permit: &Permit) -> Result<(), End> {
    judge.recheck(permit.client()).map_err(End::Refused)
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
