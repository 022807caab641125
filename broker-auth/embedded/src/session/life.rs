//! The life of a session: connected, alone, connected again, gone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::connack;
use super::drops::Drops;
use super::end::End;
use super::hub::Hub;
use super::inbox::Inbox;
use super::info::SessionInfo;
use super::offline::Awakened;
use super::outbox::{Outbox, OutboxLimits};
use super::registry::Command;
use super::retained::Sizes;
use super::shared::Memberships;
use super::subscriptions::Subscriptions;
use super::will::Will;
use crate::admitted_client::AdmittedClient;
use crate::engine::{Link, Origin};
use crate::limits::SessionLimits;
use crate::recheck::Recheck;
use authenticator::policy::{ClientId, Permit};
use authenticator::record::{Event, Record};
use mqtt::Connection;
use mqtt::count::Sampler;

/// How long a client may take to accept its last packet. A kicked client must be gone within a second of the
/// command; one that reads nothing is closed without a word.
const GOODBYE: Duration = Duration::from_millis(300);

/// A session, as its task holds it.
pub(super) struct Session {
    pub(super) hub: Arc<Hub>,
    pub(super) info: Arc<SessionInfo>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) client_id: ClientId,
    /// The permit and trust of the latest connection.
    pub(super) permit: Permit,
    pub(super) recheck: Arc<dyn Recheck>,
    pub(super) limits: Arc<SessionLimits>,
    pub(super) origin: Origin,
    pub(super) subscriptions: Subscriptions,
    /// There as soon as there is a subscription.
    pub(super) link: Option<Link>,
    /// Shared subscriptions.
    pub(super) memberships: Memberships,
    pub(super) outbox: Outbox,
    pub(super) inbox: Inbox,
    /// How long the session may outlive its connection.
    pub(super) expiry: Duration,
    pub(super) will: Option<Will>,
    /// Publishes that were refused.
    pub(super) denied: Sampler,
    /// Subscriptions that were refused.
    pub(super) denied_subscriptions: Sampler,
    pub(super) drops: Drops,
    /// Messages longer than the client accepts.
    pub(super) oversized: Sampler,
    /// How often it was too far behind the engine.
    pub(super) gaps: Sampler,
    /// How many messages it has lost that way.
    pub(super) overtaken: u64,
}

/// Runs one session to its end.
pub(super) async fn run(
    hub: Arc<Hub>,
    info: Arc<SessionInfo>,
    commands: mpsc::Receiver<Command>,
    arriving: Box<AdmittedClient>,
) {
    let mut session = Session::new(hub, info, commands, &arriving);
    let mut arriving = Some(arriving);
    let mut present = false;
    loop {
        let (kicked, next) = match arriving.take() {
            Some(arriving) => session.connected(arriving, present).await,
            None => match session.alone().await {
                Awakened::Connected(arriving) => (None, Some(arriving)),
                Awakened::Ended(kicked) => {
                    session.expire().await;
                    (kicked, None)
                }
            },
        };
        present = !session.is_over();
        if let Some(next) = next {
            arriving = Some(next);
            continue;
        }
        if session.is_over() {
            arriving = session.hub.registry.leave(&session.client_id, &mut session.commands);
            if let Some(kicked) = kicked {
                // Whoever asked may have gone meanwhile.
                let _ = kicked.send(());
            }
            if arriving.is_none() {
                return;
            }
        }
    }
}

type Kicked = Option<oneshot::Sender<()>>;

impl Session {
    fn new(
        hub: Arc<Hub>,
        info: Arc<SessionInfo>,
        commands: mpsc::Receiver<Command>,
        arriving: &AdmittedClient,
    ) -> Self {
        let limits = Arc::clone(&arriving.limits);
        Self {
            stopping: hub.stopping(),
            origin: hub.next_origin(),
            client_id: arriving.client_id().clone(),
            permit: arriving.permit.clone(),
            recheck: Arc::clone(&arriving.recheck),
            subscriptions: Subscriptions::default(),
            link: None,
            memberships: Memberships::new(Arc::clone(&hub.groups)),
            outbox: empty_outbox(&hub, &limits),
            inbox: Inbox::default(),
            expiry: Duration::ZERO,
            will: None,
            denied: Sampler::default(),
            denied_subscriptions: Sampler::default(),
            drops: Drops::default(),
            oversized: Sampler::default(),
            gaps: Sampler::default(),
            overtaken: 0,
            limits,
            hub,
            info,
            commands,
        }
    }

    /// Whether nothing of the session is left to keep.
    fn is_over(&self) -> bool {
        self.expiry.is_zero()
    }

    /// Serves one connection. Returns the next one, if it ended because the client has connected again.
    async fn connected(
        &mut self,
        arriving: Box<AdmittedClient>,
        present: bool,
    ) -> (Kicked, Option<Box<AdmittedClient>>) {
        let now = self.hub.unix_time();
        self.info.connected(Some(arriving.info(now)));
        let AdmittedClient {
            mut connection,
            connect,
            binding,
            permit,
            recheck,
            limits,
            peer,
            decision: _,
            place,
        } = *arriving;

        self.limits = limits;
        let present = present && !connect.clean_start;
        if present {
            // The client is back in time.
            self.will = None;
        } else {
            self.expire().await;
        }
        self.permit = permit;
        self.recheck = recheck;
        // What it may not have any more is for the others.
        self.memberships.retain(|filter| self.permit.subscribe(filter.as_str()).is_ok());
        // What waits was queued under the permit of another connection.
        let denied = self.outbox.retain(|topic| self.permit.deliver(topic));
        self.hub.counters.deliveries_denied.add(u64::try_from(denied).unwrap_or(u64::MAX));

        let terms = connack::Terms::settle(&connect, &binding, &self.permit, &self.limits, &connection);
        self.expiry = terms.expiry;
        let mut end = None;
        if let Some(will) = &connect.last_will {
            match Will::accept(will, &self.permit, self.origin, Sizes::share(&self.limits)) {
                Ok(will) => self.will = Some(will),
                // The listener has checked it already; a will is never kept unchecked.
                Err(refusal) => end = Some(End::Refused(refusal)),
            }
        }
        // It may be as long as a packet, and is not needed for as long as a connection.
        drop(connect);
        self.outbox.reconnected(terms.window);
        let connack = terms.connack(present, now.as_secs());
        let end = match end {
            Some(end) => end,
            // A CONNACK is far below any Maximum Packet Size that could carry a session.
            None if connection.send(connack).is_err() => End::protocol(
                mqtt::DisconnectReasonCode::PacketTooLarge,
                "the client accepts no packet as long as CONNACK",
            ),
            None => self.serve(&mut connection, &terms).await,
        };
        if matches!(end, End::Stopping) {
            self.drain(&mut connection).await;
            self.count_undelivered();
        }

        let next = self.disconnected(connection, end, peer).await;
        drop(place);
        next
    }

    /// Closes the connection, and the session if it ends with it.
    async fn disconnected(
        &mut self,
        connection: Connection,
        end: End,
        peer: SocketAddr,
    ) -> (Kicked, Option<Box<AdmittedClient>>) {
        self.record(&end, peer);
        self.log_drops();
        self.memberships.rest();
        let (last, publishes_will, ends_session) = (end.packet(), end.publishes_will(), end.ends_session());
        self.meanwhile(Box::pin(connection.close(last, GOODBYE))).await;
        self.info.connected(None);
        if !publishes_will {
            self.will = None;
        }
        if ends_session {
            self.expiry = Duration::ZERO;
        }
        if self.is_over() {
            self.expire().await;
        } else if self.will.as_ref().is_some_and(|will| will.delay().is_zero()) {
            self.publish_will().await;
        }
        match end {
            End::TakenOver(next) => (None, Some(next)),
            End::Kicked(done) => (Some(done), None),
            _ => (None, None),
        }
    }

    /// The line that the end of a connection leaves behind.
    fn record(&self, end: &End, peer: SocketAddr) {
        let why = end.to_string();
        let closed = Record::new(Event::SessionClosed)
            .peer(peer)
            .permit(&self.permit)
            .client_id(self.client_id.as_str());
        self.hub.audit.write(&match end {
            End::Refused(refusal) => {
                self.hub.counters.sessions_cut.one();
                closed.refused(refusal)
            }
            _ => closed.note(&why),
        });
    }

    /// Leaves its groups, and gives back what is for another member. While it is a member still: in a group without
    /// members there is nobody to get it.
    fn leave_groups(&mut self) {
        if !*self.stopping.borrow() {
            self.outbox.give_back();
            // Nobody is subscribed any more to what is left in a group that ends.
            self.memberships.retain(|_| false);
            return;
        }
        // What this client had not taken is counted already.
        let lost = self.memberships.retain(|_| false);
        if lost > 0 {
            self.hub.counters.dropped_stopping.add(u64::try_from(lost).unwrap_or(u64::MAX));
            tracing::warn!(
                client_id = self.client_id.as_str(),
                identity = self.permit.identity().as_str(),
                lost,
                "messages of shared subscriptions are lost: the broker stops, and this was the last member"
            );
        }
    }

    /// Drops what the session holds; a will that still waits is published.
    async fn expire(&mut self) {
        self.publish_will().await;
        self.log_drops();
        self.expiry = Duration::ZERO;
        self.subscriptions = Subscriptions::default();
        // Dropping the link disconnects it.
        self.link = None;
        self.leave_groups();
        self.outbox = empty_outbox(&self.hub, &self.limits);
        self.inbox = Inbox::default();
        self.note_sizes();
    }

    pub(super) async fn publish_will(&mut self) {
        if let Some(will) = self.will.take() {
            let hub = Arc::clone(&self.hub);
            self.meanwhile(Box::pin(will.publish(&hub))).await;
        }
    }

    /// When a will that waits is due, if the client went at `gone`.
    pub(super) fn will_due(&self, gone: Instant) -> Option<Instant> {
        self.will.as_ref().and_then(|will| gone.checked_add(will.delay()))
    }

    /// Publishes the sizes an operator sees.
    pub(super) fn note_sizes(&self) {
        let subscriptions = self.subscriptions.len() + self.memberships.len();
        self.info.subscriptions.store(subscriptions, Ordering::Relaxed);
        self.note_queue();
    }

    /// Publishes what changes all the time.
    pub(super) fn note_queue(&self) {
        self.info.queued.store(self.outbox.queued() + self.outbox.in_flight(), Ordering::Relaxed);
    }
}

fn empty_outbox(hub: &Hub, limits: &SessionLimits) -> Outbox {
    let limits = OutboxLimits { messages: limits.max_queued_messages, bytes: limits.max_queued_bytes };
    Outbox::new(limits, hub.memory.allowance())
}
