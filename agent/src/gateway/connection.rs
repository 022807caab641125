//! One connection, from the TCP connect to its end.

use std::ops::ControlFlow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, sleep_until, timeout};

use super::command::{PendingCommand, json_line};
use super::mqtt::{
    ConnAck, Connection, ConnectionEnd, EventLoop, Limits, MqttEvent, MqttRequest, Packet, PubAck,
    PubAckReason, Publication, Publish, SubAck, SubscribeReasonCode,
};
use super::outbox::Outgoing;
use super::run::Gateway;
use crate::ending::CauseKind;
use crate::session::State;
use crate::status::{OFFLINE, ONLINE};

/// A publish unacknowledged for this long means the connection is no good.
const ACKNOWLEDGEMENT_DEADLINE: Duration = Duration::from_secs(30);
/// How long the broker may take to close after our DISCONNECT.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// A difference between our clock and the broker's (`countersign-time`) that is worth a warning.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(5 * 60);

/// The connection under way.
struct ActiveConnection {
    connection: Connection,
    /// Set by the CONNACK.
    limits: Option<Limits>,
    /// The last sign of life of the event loop.
    last_event: Instant,
    shutdown: Shutdown,
}

/// How far the orderly end of the connection has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shutdown {
    NotBegun,
    /// Status `offline` is on its way: a DISCONNECT suppresses the will that would say so.
    StatusSent,
    /// DISCONNECT is on its way; the broker closes the connection.
    DisconnectSent,
}

impl Gateway<'_> {
    /// Connects and stays until the connection ends, or the gateway does.
    pub(super) async fn attempt(&mut self) -> ControlFlow<(), ConnectionEnd> {
        self.connection += 1;
        let (connection, mut event_loop) = Connection::new(self.credential, &self.tls);
        let mut active = ActiveConnection {
            connection,
            limits: None,
            last_event: Instant::now(),
            shutdown: Shutdown::NotBegun,
        };
        loop {
            // A poll that is cancelled may lose a packet, so it is not: everything else happens beside it.
            let event = {
                let poll = event_loop.poll();
                tokio::pin!(poll);
                loop {
                    self.hand_over(&mut active);
                    if active.limits.is_none() && self.may_leave_offline() {
                        return ControlFlow::Break(());
                    }
                    if active.shutdown == Shutdown::DisconnectSent {
                        break timeout(CLOSE_TIMEOUT, &mut poll).await;
                    }
                    let deadline = self.connection_deadline(&active);
                    tokio::select! {
                        event = &mut poll => break Ok(event),
                        event = self.next_event() => {
                            if let Some(command) = self.on_event(event)? {
                                self.acknowledge(&active, &command);
                            }
                        }
                        () = sleep_until(deadline) => {
                            let detail = "the connection makes no progress";
                            return ControlFlow::Continue(ConnectionEnd::lost(CauseKind::Timeout, detail));
                        }
                    }
                }
            };
            active.last_event = Instant::now();
            match event {
                // After our DISCONNECT it makes no difference how the connection ends.
                Err(_) => return ControlFlow::Break(()),
                Ok(Err(_)) if active.shutdown == Shutdown::DisconnectSent => {
                    return ControlFlow::Break(());
                }
                Ok(Err(error)) => {
                    let ended = ConnectionEnd::from_error(&error, active.limits.is_some(), &event_loop);
                    // What came with the last bytes, acknowledgements above all, is still to be taken in.
                    for event in std::mem::take(&mut event_loop.state.events) {
                        self.handle(event, &mut active, &mut event_loop);
                    }
                    return ControlFlow::Continue(ended);
                }
                Ok(Ok(event)) => self.handle(event, &mut active, &mut event_loop),
            }
        }
    }

    fn connection_deadline(&self, active: &ActiveConnection) -> Instant {
        let alive = active.last_event + active.limits.map_or(Limits::CONNECTING, |limits| limits.silence);
        match self.outbox.oldest_sent() {
            Some(oldest) => alive.min(oldest + ACKNOWLEDGEMENT_DEADLINE),
            None => alive,
        }
    }

    /// Hands waiting messages to the connection, as far as its window goes; when everything is delivered and the
    /// gateway is to end, `offline` and DISCONNECT.
    fn hand_over(&mut self, active: &mut ActiveConnection) {
        let Some(limits) = active.limits else { return };
        if self.may_leave() {
            match active.shutdown {
                Shutdown::NotBegun => {
                    let publication = Publication::status(self.credential.device_id(), OFFLINE);
                    self.outbox.push(Outgoing { publication, line: None });
                    active.shutdown = Shutdown::StatusSent;
                }
                Shutdown::StatusSent if active.connection.disconnect() => {
                    active.shutdown = Shutdown::DisconnectSent;
                }
                Shutdown::StatusSent | Shutdown::DisconnectSent => {}
            }
        }
        while let Some(outgoing) = self.outbox.next(limits.window) {
            let length = outgoing.publication.packet_len();
            if let Some(most) = limits.packet.filter(|most| length > *most) {
                let why = format!("it would take a packet of {length} bytes, the broker takes {most}");
                // Sent, it would break this connection and every one after it.
                if let Some(line) = self.outbox.drop_next().and_then(|outgoing| outgoing.line) {
                    self.unusable(line, &why);
                }
            } else if active.connection.publish(&outgoing.publication) {
                self.outbox.mark_sent(Instant::now());
            } else {
                break;
            }
        }
    }

    fn handle(&mut self, event: MqttEvent, active: &mut ActiveConnection, event_loop: &mut EventLoop) {
        match event {
            MqttEvent::Incoming(Packet::ConnAck(connack)) => self.accepted(&connack, active, event_loop),
            MqttEvent::Incoming(Packet::Publish(publish)) => self.deliver(publish, active),
            MqttEvent::Incoming(Packet::PubAck(puback)) => self.acknowledged(&puback),
            MqttEvent::Incoming(Packet::SubAck(suback)) => self.subscribed(&suback),
            MqttEvent::Outgoing(MqttRequest::Publish(packet_id)) => self.outbox.identify(packet_id),
            MqttEvent::Incoming(_) | MqttEvent::Outgoing(_) => {}
        }
    }

    fn accepted(&mut self, connack: &ConnAck, active: &mut ActiveConnection, event_loop: &mut EventLoop) {
        if active.limits.is_some() {
            self.log.warning("protocol", "the broker sent a second CONNACK");
            return;
        }
        active.limits = Some(Connection::accepted(event_loop, connack));
        self.session.online(self.now());
        let (host, port) = (self.credential.broker_host(), self.credential.broker_port());
        self.log.state(State::Online, &format!("{host}:{port}"));
        self.compare_clocks(connack);
        active.connection.subscribe_commands(self.credential.device_id());
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
            self.log.warning("clock", &detail);
        }
    }

    fn deliver(&mut self, publish: Publish, active: &ActiveConnection) {
        match json_line(&publish, self.credential.device_id()) {
            Some(json) => {
                if !self.commands.enqueue(PendingCommand::new(self.connection, publish, json)) {
                    self.log.warning("command_put_off", "a command came while stdout had no room for it");
                }
            }
            None => {
                self.log
                    .warning("not_a_command", "the broker delivered a message that is no command of ours");
                active.connection.acknowledge(&publish);
            }
        }
    }

    fn acknowledge(&self, active: &ActiveConnection, command: &PendingCommand) {
        if command.connection == self.connection {
            active.connection.acknowledge(&command.publish);
        }
    }

    fn acknowledged(&mut self, puback: &PubAck) {
        let Some(outgoing) = self.outbox.acknowledge(puback.pkid) else { return };
        if !matches!(puback.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers) {
            self.denied_lines += u64::from(outgoing.line.is_some());
            let detail = format!("PUBACK {:?} for {}", puback.reason, outgoing.publication.topic);
            self.log.publish_denied(outgoing.line, &detail);
        }
    }

    fn subscribed(&self, suback: &SubAck) {
        for code in &suback.return_codes {
            if !matches!(code, SubscribeReasonCode::Success(_)) {
                let detail = format!("the broker denied the subscription to commands (SUBACK {code:?})");
                self.log.warning("subscribe_denied", &detail);
            }
        }
    }
}
