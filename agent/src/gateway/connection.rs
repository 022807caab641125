//! One connection, from the TCP connect to its end.

use std::ops::ControlFlow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, sleep_until, timeout};

use super::command::{Delivery, json_line};
use super::mqtt::{
    ConnAck, Connection, Ended, Event, EventLoop, Limits, Outgoing as OutgoingPacket, Packet, PubAck,
    PubAckReason, Publication, Publish, SubAck, SubscribeReasonCode,
};
use super::outbox::Outgoing;
use super::run::{End, Gateway};
use crate::ending::CauseKind;
use crate::session::State;
use crate::status::{OFFLINE, ONLINE};

/// A publish unacknowledged for this long means the connection is no good.
const ACKNOWLEDGEMENT_DEADLINE: Duration = Duration::from_secs(30);
/// How long the broker may take to close after our DISCONNECT.
const GOODBYE: Duration = Duration::from_secs(2);
/// A difference between our clock and the broker's (`countersign-time`) that is worth a warning.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(5 * 60);

/// The connection under way.
struct Live {
    connection: Connection,
    /// Set by the CONNACK.
    limits: Option<Limits>,
    /// The last sign of life of the event loop.
    last_event: Instant,
    farewell: Farewell,
}

/// How far the goodbye has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Farewell {
    No,
    /// Status `offline` is on its way: a DISCONNECT suppresses the will that would say so.
    Status,
    Disconnect,
}

impl Gateway<'_> {
    /// Connects and stays until the connection ends, or the gateway does.
    pub(super) async fn attempt(&mut self) -> ControlFlow<End, Ended> {
        self.connection += 1;
        let (connection, mut event_loop) = Connection::new(self.credential, &self.tls);
        let mut live = Live { connection, limits: None, last_event: Instant::now(), farewell: Farewell::No };
        loop {
            // A poll that is given up may lose a packet, so it is not: everything else happens beside it.
            let event = {
                let poll = event_loop.poll();
                tokio::pin!(poll);
                loop {
                    self.hand_over(&mut live);
                    if live.limits.is_none()
                        && let Some(end) = self.end_offline()
                    {
                        return ControlFlow::Break(end);
                    }
                    if live.farewell == Farewell::Disconnect {
                        break timeout(GOODBYE, &mut poll).await;
                    }
                    let deadline = self.deadline(&live);
                    tokio::select! {
                        event = &mut poll => break Ok(event),
                        happening = self.happening() => {
                            if let Some(delivery) = self.take(happening)? {
                                self.acknowledge(&live, &delivery);
                            }
                        }
                        () = sleep_until(deadline) => {
                            let detail = "the connection makes no progress";
                            return ControlFlow::Continue(Ended::lost(CauseKind::Timeout, detail));
                        }
                    }
                }
            };
            live.last_event = Instant::now();
            match event {
                // Having said goodbye, we do not mind how the broker takes it.
                Err(_) => return ControlFlow::Break(Ok(())),
                Ok(Err(_)) if live.farewell == Farewell::Disconnect => return ControlFlow::Break(Ok(())),
                Ok(Err(error)) => {
                    let ended = Ended::from_error(&error, live.limits.is_some(), &event_loop);
                    // What came with the last bytes, acknowledgements above all, is still to be taken in.
                    for event in std::mem::take(&mut event_loop.state.events) {
                        self.handle(event, &mut live, &mut event_loop);
                    }
                    return ControlFlow::Continue(ended);
                }
                Ok(Ok(event)) => self.handle(event, &mut live, &mut event_loop),
            }
        }
    }

    fn deadline(&self, live: &Live) -> Instant {
        let alive = live.last_event + live.limits.map_or(Limits::CONNECTING, |limits| limits.silence);
        match self.outbox.oldest_sent() {
            Some(oldest) => alive.min(oldest + ACKNOWLEDGEMENT_DEADLINE),
            None => alive,
        }
    }

    /// Gives the connection what waits, as far as its window goes, and the goodbye when all is delivered.
    fn hand_over(&mut self, live: &mut Live) {
        let Some(limits) = live.limits else { return };
        if self.may_leave() {
            match live.farewell {
                Farewell::No => {
                    let publication = Publication::status(self.credential.device_id(), OFFLINE);
                    self.outbox.push(Outgoing { publication, line: None });
                    live.farewell = Farewell::Status;
                }
                Farewell::Status if live.connection.disconnect() => live.farewell = Farewell::Disconnect,
                Farewell::Status | Farewell::Disconnect => {}
            }
        }
        while let Some(outgoing) = self.outbox.next(limits.window) {
            let length = outgoing.publication.packet_len();
            if let Some(most) = limits.packet.filter(|most| length > *most) {
                let why = format!("it would take a packet of {length} bytes, the broker takes {most}");
                // Left in, it would break this connection and every one after it.
                if let Some(line) = self.outbox.drop_next().and_then(|outgoing| outgoing.line) {
                    self.journal.line_unusable(line, &why);
                }
            } else if live.connection.publish(&outgoing.publication) {
                self.outbox.mark_sent(Instant::now());
            } else {
                break;
            }
        }
    }

    fn handle(&mut self, event: Event, live: &mut Live, event_loop: &mut EventLoop) {
        match event {
            Event::Incoming(Packet::ConnAck(connack)) => self.accepted(&connack, live, event_loop),
            Event::Incoming(Packet::Publish(publish)) => self.deliver(publish, live),
            Event::Incoming(Packet::PubAck(puback)) => self.acknowledged(&puback),
            Event::Incoming(Packet::SubAck(suback)) => self.subscribed(&suback),
            Event::Outgoing(OutgoingPacket::Publish(packet_id)) => self.outbox.identify(packet_id),
            Event::Incoming(_) | Event::Outgoing(_) => {}
        }
    }

    fn accepted(&mut self, connack: &ConnAck, live: &mut Live, event_loop: &mut EventLoop) {
        if live.limits.is_some() {
            self.journal.warning("protocol", "the broker sent a second CONNACK");
            return;
        }
        live.limits = Some(Connection::accepted(event_loop, connack));
        self.session.online(self.now());
        let (host, port) = (self.credential.broker_host(), self.credential.broker_port());
        self.journal.state(State::Online, &format!("{host}:{port}"));
        self.compare_clocks(connack);
        live.connection.subscribe_commands(self.credential.device_id());
        let publication = Publication::status(self.credential.device_id(), ONLINE);
        self.outbox.push_first(Outgoing { publication, line: None });
    }

    fn compare_clocks(&self, connack: &ConnAck) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        if let Some(broker) = Connection::broker_time(connack).filter(|t| t.abs_diff(now) > CLOCK_DIFFERENCE)
        {
            let (ours, theirs) = (now.as_secs(), broker.as_secs());
            let detail = format!(
                "our clock says {ours}, the broker's {theirs} (Unix seconds); certificates are judged by ours"
            );
            self.journal.warning("clock", &detail);
        }
    }

    fn deliver(&mut self, publish: Publish, live: &Live) {
        match json_line(&publish, self.credential.device_id()) {
            Some(json) => {
                if !self.commands.deliver(Delivery::new(self.connection, publish, json)) {
                    self.journal.warning("command_put_off", "a command came while stdout had no room for it");
                }
            }
            None => {
                self.journal
                    .warning("not_a_command", "the broker delivered a message that is no command of ours");
                live.connection.acknowledge(&publish);
            }
        }
    }

    fn acknowledge(&self, live: &Live, delivery: &Delivery) {
        if delivery.connection == self.connection {
            live.connection.acknowledge(&delivery.publish);
        }
    }

    fn acknowledged(&mut self, puback: &PubAck) {
        let Some(outgoing) = self.outbox.acknowledge(puback.pkid) else { return };
        if !matches!(puback.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers) {
            self.denied_lines += u64::from(outgoing.line.is_some());
            let detail = format!("PUBACK {:?} for {}", puback.reason, outgoing.publication.topic);
            self.journal.publish_denied(outgoing.line, &detail);
        }
    }

    fn subscribed(&self, suback: &SubAck) {
        for code in &suback.return_codes {
            if !matches!(code, SubscribeReasonCode::Success(_)) {
                let detail = format!("the broker denied the subscription to commands (SUBACK {code:?})");
                self.journal.warning("subscribe_denied", &detail);
            }
        }
    }
}
