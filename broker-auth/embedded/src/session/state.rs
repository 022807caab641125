//! [`SessionState`]: everything MQTT promises one client, without I/O.
//!
//! Packets, messages and the time come in; [`Effect`]s and packets come out. What takes time, such as room in the engine,
//! is asked for by an effect, and the state goes on when it is told the answer. Nothing here waits, reads a clock, or
//! knows a socket, so a test can play any schedule of events, and play it again.

mod acknowledge;
pub(crate) mod deliver;
mod publish;
mod subscribe;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use authenticator::policy::{ClientId, ClientIdBinding, Permit, TopicFilter};
use authenticator::reason::Refusal;
use authenticator::record::{Event, Record};
use mqtt::count::Sampler;
use mqtt::{Connect, DisconnectReasonCode, Packet, Version};
use tokio::time::Instant;

use super::connack::{Terms, TermsRequest};
use super::drops::{Drops, Owner};
use super::effect::Effect;
use super::end::SessionEnd;
use super::inbox::Inbox;
use super::info::{ConnectionInfo, SessionInfo};
use super::outbox::Outbox;
use super::queue_limits::QueueLimits;
use super::retained::Sizes;
use super::shared::Memberships;
use super::shared_state::SharedState;
use super::subscriptions::Subscriptions;
use super::topic_aliases::TopicAliases;
use super::will::Will;
use crate::engine::Origin;
use crate::limits::SessionLimits;

/// A session.
pub(crate) struct SessionState {
    shared: Arc<SharedState>,
    info: Arc<SessionInfo>,
    client_id: ClientId,
    /// The permit of the latest connection.
    permit: Permit,
    limits: Arc<SessionLimits>,
    origin: Origin,
    subscriptions: Subscriptions,
    /// Shared subscriptions.
    memberships: Memberships,
    outbox: Outbox,
    inbox: Inbox,
    /// How long the session may outlive its connection.
    expiry: Duration,
    will: Option<Will>,
    connection: Option<ConnectionState>,
    /// Publishes that were refused.
    denied: Sampler,
    /// Subscriptions that were refused.
    denied_subscriptions: Sampler,
    drops: Drops,
}

/// What is known of a connection besides its bytes.
struct ConnectionState {
    version: Version,
    /// How many messages from the client may be unacknowledged.
    receive_max: u16,
    aliases: TopicAliases,
    /// How long the client may be silent.
    silence: Option<Duration>,
    last_heard: Instant,
}

/// A client that connects.
pub(crate) struct Connecting<'a> {
    pub(crate) connect: &'a Connect,
    pub(crate) binding: &'a ClientIdBinding,
    pub(crate) permit: Permit,
    pub(crate) limits: Arc<SessionLimits>,
    pub(crate) version: Version,
    /// The longest packet that is read from it, in bytes.
    pub(crate) max_packet_size: usize,
    pub(crate) info: ConnectionInfo,
}

impl SessionState {
    /// A session of `client_id` that no connection has opened yet.
    pub(crate) fn new(
        shared: Arc<SharedState>,
        info: Arc<SessionInfo>,
        client_id: ClientId,
        permit: Permit,
        limits: Arc<SessionLimits>,
    ) -> Self {
        Self {
            origin: shared.next_origin(),
            subscriptions: Subscriptions::default(),
            memberships: Memberships::new(Arc::clone(&shared.groups)),
            outbox: empty_outbox(&shared, &limits),
            inbox: Inbox::default(),
            expiry: Duration::ZERO,
            will: None,
            connection: None,
            denied: Sampler::default(),
            denied_subscriptions: Sampler::default(),
            drops: Drops::default(),
            shared,
            info,
            client_id,
            permit,
            limits,
        }
    }

    /// The permit of the latest connection.
    pub(crate) fn permit(&self) -> &Permit {
        &self.permit
    }

    /// The client id.
    pub(crate) fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    /// Whether nothing of the session is left to keep.
    pub(crate) fn is_over(&self) -> bool {
        self.expiry.is_zero()
    }

    /// How long the session may outlive its connection.
    pub(crate) fn expiry(&self) -> Duration {
        self.expiry
    }

    /// Opens a connection. `is_present`: the session is kept from an earlier one, and the client wants it. Returns CONNACK.
    ///
    /// # Errors
    /// The will is not allowed.
    pub(crate) fn connect(
        &mut self,
        connecting: Connecting<'_>,
        is_present: bool,
        now: Instant,
    ) -> Result<Packet, SessionEnd> {
        let Connecting { connect, binding, permit, limits, version, max_packet_size, info } = connecting;
        self.info.connected(Some(info));
        self.limits = limits;
        if is_present {
            // The client is back in time.
            self.will = None;
        }
        self.permit = permit;
        // A share that the permit does not cover any more is for the other members.
        self.memberships.retain(|filter| self.permit.subscribe(filter.as_str()).is_ok());
        // What waits was queued under the permit of another connection.
        let denied = self.outbox.retain(|topic| self.permit.deliver(topic));
        self.shared.counters.deliveries_denied.add(u64::try_from(denied).unwrap_or(u64::MAX));

        let terms = Terms::settle(&TermsRequest {
            connect,
            binding,
            permit: &self.permit,
            limits: &self.limits,
            version,
            max_packet_size,
        });
        self.expiry = terms.expiry;
        self.connection = Some(ConnectionState {
            version,
            receive_max: terms.receive_max,
            aliases: TopicAliases::new(terms.topic_aliases),
            silence: terms.silence,
            last_heard: now,
        });
        if let Some(will) = &connect.last_will {
            // The listener has checked it already; a will is never kept unchecked.
            let will = Will::accept(will, &self.permit, self.origin, Sizes::share(&self.limits))
                .map_err(SessionEnd::Refused)?;
            self.will = Some(will);
        }
        self.outbox.reconnected(terms.window);
        Ok(terms.connack(is_present, self.shared.unix_time().as_secs()))
    }

    /// Goes on by another permit, because the policies were replaced: what it does not cover any more, subscriptions, the
    /// will and what waits, is gone. Returns the filters that the engine need not listen to any more.
    pub(crate) fn change_permit(&mut self, permit: Permit) -> Vec<TopicFilter<'static>> {
        self.permit = permit;
        self.info.policy_changed(self.permit.policy_name());
        self.memberships.retain(|filter| self.permit.subscribe(filter.as_str()).is_ok());
        let gone = self.subscriptions.remove_unless(|filter| self.permit.subscribe(filter.as_str()).is_ok());
        // What was sent already is only acknowledged.
        let denied = self.outbox.retain_queued(|topic| self.permit.deliver(topic));
        self.shared.counters.deliveries_denied.add(u64::try_from(denied).unwrap_or(u64::MAX));
        self.will = self.will.take().filter(|will| self.permit.publish(will.topic()).is_ok());
        self.note_sizes();
        gone
    }

    /// Deals with a packet of the client.
    pub(crate) fn handle(&mut self, packet: Packet, now: Instant) -> Effect {
        self.heard(now);
        match packet {
            Packet::Publish(publish) => self.receive_publish(*publish, now),
            Packet::Subscribe(subscribe) => self.receive_subscribe(subscribe),
            Packet::Unsubscribe(unsubscribe) => self.receive_unsubscribe(&unsubscribe),
            Packet::PublishAck(_)
            | Packet::PublishReceived(_)
            | Packet::PublishRelease(_)
            | Packet::PublishComplete(_)
            | Packet::Disconnect(_) => self.handle_acknowledgement(packet),
            Packet::PingRequest => Effect::Reply(Packet::PingResponse),
            Packet::Connect(_) => protocol_error("a second CONNECT"),
            Packet::Auth(_) => protocol_error("AUTH without an authentication method"),
            Packet::ConnectAck(_)
            | Packet::SubscribeAck(_)
            | Packet::UnsubscribeAck(_)
            | Packet::PingResponse => protocol_error("a packet only a server sends"),
        }
    }

    /// The same while the broker stops: acknowledgements count, and nothing else does. What is not acknowledged is still
    /// the client's.
    pub(crate) fn handle_while_stopping(&mut self, packet: Packet) -> Effect {
        match packet {
            Packet::PublishAck(_)
            | Packet::PublishReceived(_)
            | Packet::PublishRelease(_)
            | Packet::PublishComplete(_)
            | Packet::Disconnect(_) => self.handle_acknowledgement(packet),
            _ => Effect::None,
        }
    }

    /// The client was heard, or could not be because the broker did not read.
    pub(crate) fn heard(&mut self, now: Instant) {
        if let Some(connection) = &mut self.connection {
            connection.last_heard = now;
        }
    }

    /// When the client will have been silent for too long.
    pub(crate) fn silent_at(&self) -> Option<Instant> {
        let connection = self.connection.as_ref()?;
        connection.silence.map(|silence| connection.last_heard + silence)
    }

    /// Closes a connection for the log. The session has no connection from here on.
    pub(crate) fn disconnect(&mut self, end: &SessionEnd, peer: SocketAddr) {
        self.record_end(end, peer);
        self.log_drops();
        self.memberships.rest();
        self.connection = None;
    }

    /// What follows from the end of a connection for the session, once the connection is closed. Returns the will, if it is
    /// due now.
    pub(crate) fn disconnected(&mut self, end: &SessionEnd) -> Option<Will> {
        self.info.connected(None);
        if !end.publishes_will() {
            self.will = None;
        }
        if end.ends_session() {
            self.expiry = Duration::ZERO;
        }
        let is_due = !self.is_over() && self.will.as_ref().is_some_and(|will| will.delay().is_zero());
        if is_due { self.take_will() } else { None }
    }

    /// The line that the end of a connection leaves behind.
    fn record_end(&self, end: &SessionEnd, peer: SocketAddr) {
        let why = end.to_string();
        let closed = Record::new(Event::SessionClosed)
            .peer(peer)
            .permit(&self.permit)
            .client_id(self.client_id.as_str());
        self.shared.audit.write(&match end {
            SessionEnd::Refused(refusal) => {
                self.shared.counters.sessions_cut.one();
                closed.refused(refusal)
            }
            _ => closed.note(&why),
        });
    }

    /// The will, to be published.
    pub(crate) fn take_will(&mut self) -> Option<Will> {
        self.will.take()
    }

    /// When a will that waits is due, if the client went at `gone`.
    pub(crate) fn will_due(&self, gone: Instant) -> Option<Instant> {
        self.will.as_ref().and_then(|will| gone.checked_add(will.delay()))
    }

    /// Drops all that the session holds. Its will has been taken before.
    pub(crate) fn expire(&mut self, is_stopping: bool) {
        self.log_drops();
        self.expiry = Duration::ZERO;
        self.subscriptions = Subscriptions::default();
        self.leave_groups(is_stopping);
        self.outbox = empty_outbox(&self.shared, &self.limits);
        self.inbox = Inbox::default();
        self.note_sizes();
    }

    /// Leaves its groups, and gives back what is for another member. While it is a member still: in a group without
    /// members no other could get it.
    fn leave_groups(&mut self, is_stopping: bool) {
        if !is_stopping {
            self.outbox.give_back();
            // What is left in a group that ends has no subscriber any more.
            self.memberships.retain(|_| false);
            return;
        }
        // What this client had not taken is counted already.
        let lost = self.memberships.retain(|_| false);
        if lost > 0 {
            self.shared.counters.dropped_stopping.add(u64::try_from(lost).unwrap_or(u64::MAX));
            tracing::warn!(
                client_id = self.client_id.as_str(),
                identity = self.permit.identity().name(),
                lost,
                "messages of shared subscriptions are lost: the broker stops, and this was the last member"
            );
        }
    }

    /// Counts and logs what its client will never get from this broker. What was sent and not acknowledged may have
    /// arrived; it is told apart.
    pub(crate) fn count_undelivered(&self, now: Instant) {
        let (waiting, unacknowledged) = (self.outbox.waiting(now), self.outbox.unacknowledged());
        let undelivered = waiting + unacknowledged;
        if undelivered == 0 {
            return;
        }
        self.shared.counters.dropped_stopping.add(u64::try_from(undelivered).unwrap_or(u64::MAX));
        tracing::warn!(
            client_id = self.client_id.as_str(),
            identity = self.permit.identity().name(),
            waiting,
            unacknowledged,
            "messages are lost: the broker stops before the client has taken them"
        );
    }

    /// Whether nothing waits for the client, in its queue or in a group.
    pub(crate) fn is_drained(&self) -> bool {
        self.outbox.is_empty() && self.memberships.is_empty()
    }

    /// Publishes the sizes an operator sees.
    pub(crate) fn note_sizes(&self) {
        let subscriptions = self.subscriptions.len() + self.memberships.len();
        self.info.subscriptions.store(subscriptions, Ordering::Relaxed);
        self.note_queue();
    }

    /// Publishes what changes all the time.
    pub(crate) fn note_queue(&self) {
        self.info.queued.store(self.outbox.queued() + self.outbox.in_flight(), Ordering::Relaxed);
    }

    fn log_drops(&mut self) {
        self.drops.log_totals(Owner { client_id: &self.client_id, permit: &self.permit });
    }

    fn version(&self) -> Version {
        // Without a connection there is no packet to answer.
        self.connection.as_ref().map_or(Version::V5, |connection| connection.version)
    }
}

/// A certificate that is no longer good, or a permit that does not cover what the client did.
impl From<Refusal> for SessionEnd {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

fn protocol_error(what: &'static str) -> Effect {
    Effect::End(SessionEnd::protocol(DisconnectReasonCode::ProtocolError, what))
}

fn empty_outbox(shared: &SharedState, limits: &SessionLimits) -> Outbox {
    let limits = QueueLimits { messages: limits.max_queued_messages, bytes: limits.max_queued_bytes };
    Outbox::new(limits, shared.memory.allowance())
}
