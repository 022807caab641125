//! The broker stops: what it has accepted is still delivered, as far as clients take it in time, and the rest is counted.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::life::Session;
use super::online::receive;
use mqtt::Connection;
use mqtt::Packet;

/// How long clients have to take what waits for them.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it is looked whether something is still on its way.
const GLANCE: Duration = Duration::from_millis(10);

impl Session {
    /// Delivers what waits, and what is still on its way through the engine. Nothing more is accepted from the client but
    /// its acknowledgements.
    pub(super) async fn drain(&mut self, connection: &mut Connection) {
        // Past the deadline, or without a client, what waits is lost.
        let _ = timeout(PATIENCE, async {
            loop {
                self.fill(connection);
                let is_drained = self.outbox.is_empty() && self.memberships.is_empty();
                if self.has_everything() && is_drained && !connection.writer.has_work() {
                    return;
                }
                tokio::select! {
                    frame = connection.reader.frame(), if !connection.writer.is_full() => {
                        let heard = frame.ok().and_then(|frame| connection.decode(frame).ok());
                        if heard.is_none_or(|packet| self.answer(connection, packet).is_err()) {
                            return;
                        }
                    }
                    written = connection.writer.write_some(), if connection.writer.has_work() => {
                        if written.is_err() {
                            return;
                        }
                    }
                    received = receive(&mut self.link) => {
                        if self.gather(received).await.is_err() {
                            return;
                        }
                    }
                    () = sleep(GLANCE) => {}
                }
            }
        })
        .await;
    }

    /// Takes what is still on its way through the engine to a client that is away, to be counted.
    pub(super) async fn settle(&mut self) {
        let _ = timeout(PATIENCE, async {
            while !self.has_everything() {
                tokio::select! {
                    received = receive(&mut self.link) => {
                        if self.gather(received).await.is_err() {
                            return;
                        }
                    }
                    () = sleep(GLANCE) => {}
                }
            }
        })
        .await;
    }

    /// Counts and logs what its client will never get from this broker. What was sent and not acknowledged may have
    /// arrived; it is told apart.
    pub(super) fn count_undelivered(&self) {
        let now = Instant::now();
        let (waiting, unacknowledged) = (self.outbox.waiting(now), self.outbox.unacknowledged());
        let undelivered = waiting + unacknowledged;
        if undelivered == 0 {
            return;
        }
        self.hub.counters.dropped_stopping.add(u64::try_from(undelivered).unwrap_or(u64::MAX));
        tracing::warn!(
            client_id = self.client_id.as_str(),
            identity = self.permit.identity().as_str(),
            waiting,
            unacknowledged,
            "messages are lost: the broker stops before the client has taken them"
        );
    }

    /// Whether nobody publishes any more, and all that was published has come out of the engine.
    fn has_everything(&self) -> bool {
        self.hub.is_quiet()
            && self.hub.engine.is_empty()
            && self.link.as_ref().is_none_or(crate::engine::Link::has_everything)
    }

    /// `Err`: the client is gone.
    fn answer(&mut self, connection: &mut Connection, packet: Packet) -> Result<(), super::end::End> {
        match packet {
            Packet::PublishAck(ack) => self.puback(ack.packet_id),
            Packet::PublishReceived(ack) => self.pubrec(connection, &ack),
            Packet::PublishRelease(ack) => self.pubrel(connection, ack.packet_id),
            Packet::PublishComplete(ack) => self.pubcomp(ack.packet_id),
            Packet::Disconnect(disconnect) => Err(self.goodbye(&disconnect)),
            // Not acknowledged, so still the client's.
            _ => Ok(()),
        }
    }
}
