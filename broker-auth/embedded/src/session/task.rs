//! The task of a session: the only loop over its socket, its mailbox, its timers and the engine.
//!
//! It decides nothing about MQTT. It hands what happens to the [`SessionState`], and carries out the effects.

mod drain;
mod offline;
mod publish;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use authenticator::decide::Standing;
use authenticator::reason::Refusal;
use bytes::BytesMut;
use mqtt::frame::FrameError;
use mqtt::{Connection, DisconnectReasonCode, Packet, ReadError};
use tokio::sync::{mpsc, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until, timeout};

use super::command::Command;
use super::effect::{Effect, PendingSubscribe, SubscribeStep};
use super::end::SessionEnd;
use super::hub::Hub;
use super::info::{ConnectionInfo, SessionInfo};
use super::shared::Member;
use super::state::deliver::{DrawTurn, Unsent};
use super::state::{Connecting, SessionState};
use super::termination::{Interruption, NextStep, OfflineExit, Termination, wait_for_interruption};
use super::will::Will;
use crate::admitted_client::AdmittedClient;
use crate::engine::{EngineError, Link, Received};
use crate::recheck::Recheck;

/// How long a client may take to accept its last packet. A kicked client must be gone within a second of the
/// command; one that reads nothing is closed without it.
const LAST_PACKET_TIMEOUT: Duration = Duration::from_millis(300);

/// How often a session is judged again without a cause: trust anchors expire by themselves. Its own certificate, and those
/// between it and the anchor, are watched to the second.
const RECHECK_INTERVAL: Duration = Duration::from_secs(30);

/// How often a session is judged again while its certificate ends, so that it does not outlive it by a second.
const LAST_SECOND_INTERVAL: Duration = Duration::from_millis(100);

/// Packets dealt with before take-over and time are looked at again; revocation is with each. A client that floods must
/// not delay its own end.
const PACKETS_PER_TURN: usize = 16;

/// How long the engine may take over all filters of one SUBSCRIBE; nothing else ends the connection meanwhile.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Messages from the engine that are taken at once. The engine hands them over in lots, and does not wait for long.
const MESSAGES_PER_TURN: usize = 64;

/// How often an engine that is behind is asked for room for a will, five seconds each time: when many clients vanish at
/// once, so do many wills come.
const MAX_WILL_ATTEMPTS: usize = 6;

/// Runs one session to its end.
pub(super) async fn run(
    hub: Arc<Hub>,
    info: Arc<SessionInfo>,
    commands: mpsc::Receiver<Command>,
    client: Box<AdmittedClient>,
) {
    let mut task = SessionTask::new(hub, info, commands, &client);
    let mut next = Some(client);
    let mut is_kept = false;
    loop {
        let step = match next.take() {
            Some(client) => task.serve_connection(client, is_kept).await,
            None => match task.run_offline().await {
                OfflineExit::Connected(client) => NextStep::Attach(client),
                OfflineExit::Kicked(done) => {
                    task.expire().await;
                    NextStep::Confirm(done)
                }
                OfflineExit::Expired => {
                    task.expire().await;
                    NextStep::Wait
                }
            },
        };
        is_kept = !task.state.is_over();
        let confirm = match step {
            NextStep::Attach(client) => {
                next = Some(client);
                continue;
            }
            NextStep::Confirm(done) => Some(done),
            NextStep::Wait => None,
        };
        if task.state.is_over() {
            next = task.hub.registry.leave(task.state.client_id(), &mut task.commands);
            if let Some(done) = confirm {
                // The operator may have gone meanwhile.
                let _ = done.send(());
            }
            if next.is_none() {
                return;
            }
        }
    }
}

/// A session, as its task holds it.
struct SessionTask {
    hub: Arc<Hub>,
    commands: mpsc::Receiver<Command>,
    stopping: watch::Receiver<bool>,
    /// Decides again about the latest connection.
    recheck: Arc<dyn Recheck>,
    /// There as soon as there is a subscription.
    link: Option<Link>,
    /// Woken when a group has something for the session.
    member: Member,
    state: SessionState,
}

impl SessionTask {
    fn new(
        hub: Arc<Hub>,
        info: Arc<SessionInfo>,
        commands: mpsc::Receiver<Command>,
        client: &AdmittedClient,
    ) -> Self {
        let state = SessionState::new(
            Arc::clone(&hub.shared),
            info,
            client.client_id().clone(),
            client.permit.clone(),
            Arc::clone(&client.limits),
        );
        Self {
            stopping: hub.stopping(),
            recheck: Arc::clone(&client.recheck),
            link: None,
            member: state.group_member(),
            state,
            hub,
            commands,
        }
    }

    /// Serves one connection to its end. `is_kept`: the session is one that outlived its last connection.
    async fn serve_connection(&mut self, client: Box<AdmittedClient>, is_kept: bool) -> NextStep {
        let info = ConnectionInfo::of(&client, self.hub.shared.unix_time());
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
        } = *client;
        let is_present = is_kept && !connect.clean_start;
        if !is_present {
            self.expire().await;
        }
        self.recheck = recheck;
        let connecting = Connecting {
            connect: &connect,
            binding: &binding,
            permit,
            limits,
            version: connection.version(),
            max_packet_size: connection.max_packet_size(),
            info,
        };
        let connack = self.state.connect(connecting, is_present, Instant::now());
        // It may be as long as a packet, and is not needed for as long as a connection.
        drop(connect);
        let termination = match connack.map(|packet| connection.send(packet)) {
            Ok(Ok(())) => self.serve(&mut connection).await,
            // A CONNACK is far below any Maximum Packet Size that could carry a session.
            Ok(Err(_)) => Termination::Ended(SessionEnd::protocol(
                DisconnectReasonCode::PacketTooLarge,
                "the client accepts no packet as long as CONNACK",
            )),
            Err(end) => Termination::Ended(end),
        };
        let (end, next) = termination.split();
        if matches!(end, SessionEnd::Stopping) {
            self.drain(&mut connection).await;
            self.state.count_undelivered(Instant::now());
        }
        self.state.disconnect(&end, peer);
        self.receive_until(Box::pin(connection.close(end.packet(), LAST_PACKET_TIMEOUT))).await;
        let will = self.state.disconnected(&end);
        if self.state.is_over() {
            self.expire().await;
        } else if let Some(will) = will {
            self.publish_will(will).await;
        }
        drop(place);
        next
    }

    /// Serves one connection until something ends it.
    async fn serve(&mut self, connection: &mut Connection) -> Termination {
        let _serving = self.hub.serving();
        if *self.stopping.borrow() {
            return Termination::Ended(SessionEnd::Stopping);
        }
        let mut changes = self.recheck.changes();
        // From here on every change is noticed; this is for one that came since the certificate was judged.
        if let Err(refusal) = self.judge_again() {
            return refusal.into();
        }
        let mut recheck_at = Instant::now();
        let alarm = sleep_until(recheck_at);
        tokio::pin!(alarm);
        loop {
            self.fill(connection);
            self.pause_reads(connection);
            let done = tokio::select! {
                interruption =
                    wait_for_interruption(&mut self.commands, &mut self.stopping, &mut changes) => {
                    self.interrupted(interruption)
                }
                frame = connection.reader.frame(), if !connection.writer.is_full() => match frame {
                    Ok(frame) => {
                        let done = self.handle_frames(connection, &mut changes, frame).await;
                        // It may have waited for the engine meanwhile.
                        self.state.heard(Instant::now());
                        done
                    }
                    Err(error) => Err(self.unreadable(error).into()),
                },
                written = connection.writer.write_some(), if connection.writer.has_work() => {
                    written.map_err(|error| SessionEnd::NotReading(error).into())
                }
                received = receive(&mut self.link) => self.gather(received).await.map_err(Termination::from),
                () = self.member.woken() => {
                    // There is a message to be drawn; other members that were woken come first.
                    yield_now().await;
                    Ok(())
                }
                () = &mut alarm => {
                    self.pause_reads(connection);
                    let now = Instant::now();
                    let mut checked = Ok(());
                    if recheck_at <= now {
                        recheck_at = now + self.next_recheck();
                        checked = self.judge_again().map_err(Termination::from);
                    }
                    let silent_at = self.state.silent_at();
                    if silent_at.is_some_and(|silent| silent <= now) {
                        checked = checked.and(Err(SessionEnd::KeepAlive.into()));
                    }
                    // Activity only moves the deadline back, so the alarm is set again when it rings, not before.
                    alarm.as_mut().reset(silent_at.map_or(recheck_at, |silent| silent.min(recheck_at)));
                    checked
                }
            };
            if let Err(termination) = done {
                return termination;
            }
        }
    }

    /// How long until the session is judged again without a cause.
    fn next_recheck(&self) -> Duration {
        let (permit, now) = (self.state.permit(), self.recheck.now());
        // Nothing ends that was never proven.
        let due = [permit.next_turn(now), permit.client().not_after()].into_iter().flatten().min();
        let Some(due) = due else { return RECHECK_INTERVAL };
        match due.as_secs().checked_sub(now.as_secs()) {
            // The last second has come; the clock tells no more than seconds.
            None | Some(0 | 1) => LAST_SECOND_INTERVAL,
            Some(left) => Duration::from_secs(left - 1).min(RECHECK_INTERVAL),
        }
    }

    /// Whether the certificate, and its issuer, are still good, and what the session may do by the rules in force.
    fn judge_again(&mut self) -> Result<(), Refusal> {
        match self.recheck.recheck(self.state.permit(), self.state.client_id())? {
            Standing::Unchanged => {}
            Standing::Changed(permit) => {
                let gone = self.state.change_permit(permit);
                if let Some(link) = &mut self.link {
                    link.unsubscribe(&gone);
                }
            }
        }
        Ok(())
    }

    fn interrupted(&mut self, interruption: Interruption) -> Result<(), Termination> {
        match interruption {
            Interruption::Termination(termination) => Err(termination),
            Interruption::Changed => self.judge_again().map_err(Termination::from),
        }
    }

    /// The end that follows from a failed read.
    fn unreadable(&self, error: ReadError) -> SessionEnd {
        if matches!(error, ReadError::Frame(FrameError::TooLarge { .. })) {
            self.hub.shared.counters.packets_limited.one();
        }
        SessionEnd::read(error)
    }

    /// A client that takes nothing is not read from either, so that it is not silent meanwhile. It has another deadline.
    fn pause_reads(&mut self, connection: &mut Connection) {
        if connection.writer.is_full() {
            self.state.heard(Instant::now());
            connection.reader.pause();
        }
    }

    /// Moves what may be sent into the connection's buffer.
    fn fill(&mut self, connection: &mut Connection) {
        let now = Instant::now();
        let mut turn = DrawTurn::default();
        while connection.writer.has_room() {
            let Some(packet) = self.state.next_packet(&mut turn, now) else { break };
            let unsent = Unsent::of(&packet);
            if connection.send(packet).is_err() {
                self.state.not_sent(&unsent, &mut turn);
            }
        }
        if !connection.writer.has_room() {
            self.state.pause_drawing();
        }
        // Acknowledgements shorten it as well.
        self.state.note_queue();
    }

    /// Deals with a packet, and with those that came with it.
    async fn handle_frames(
        &mut self,
        connection: &mut Connection,
        changes: &mut watch::Receiver<u64>,
        first: BytesMut,
    ) -> Result<(), Termination> {
        let mut next = Some(first);
        for _ in 0..PACKETS_PER_TURN {
            let Some(frame) = next else { break };
            if changes.has_changed().unwrap_or(true) {
                self.judge_again()?;
            }
            self.handle_frame(connection, changes, frame).await?;
            if connection.writer.is_full() {
                return Ok(());
            }
            next = connection.reader.buffered().map_err(|error| self.unreadable(error))?;
        }
        match next {
            // What was taken off the buffer is dealt with, whatever the turn.
            Some(frame) => self.handle_frame(connection, changes, frame).await,
            None => Ok(()),
        }
    }

    async fn handle_frame(
        &mut self,
        connection: &mut Connection,
        changes: &mut watch::Receiver<u64>,
        frame: BytesMut,
    ) -> Result<(), Termination> {
        let packet = connection.decode(frame).map_err(|error| {
            SessionEnd::protocol(DisconnectReasonCode::MalformedPacket, error.to_string())
        })?;
        match self.state.handle(packet, Instant::now()) {
            Effect::None => Ok(()),
            Effect::Reply(packet) => reply(connection, packet),
            Effect::Publish(pending) => self.publish(connection, changes, pending).await,
            Effect::Subscribe(pending) => {
                // Boxed, because every session would have room for it all its life.
                let subscribed = timeout(SUBSCRIBE_TIMEOUT, Box::pin(self.subscribe(connection, pending)));
                subscribed.await.unwrap_or(Err(SessionEnd::EngineBusy.into()))
            }
            Effect::Unsubscribe { reply: packet, filters } => {
                if let Some(link) = &mut self.link {
                    link.unsubscribe(&filters);
                }
                reply(connection, packet)
            }
            Effect::End(end) => Err(end.into()),
        }
    }

    async fn subscribe(
        &mut self,
        connection: &mut Connection,
        mut pending: PendingSubscribe,
    ) -> Result<(), Termination> {
        loop {
            match self.state.subscribe(&mut pending, Instant::now()) {
                SubscribeStep::Listen { filter, options } => {
                    let outcome = match &mut self.link {
                        Some(link) => link.subscribe(&filter).await,
                        none => match self.hub.engine.attach().await {
                            Ok(link) => none.insert(link).subscribe(&filter).await,
                            Err(error) => Err(error),
                        },
                    };
                    self.state.subscribed(&mut pending, filter, options, outcome)?;
                }
                SubscribeStep::Done(packet) => return reply(connection, packet),
                SubscribeStep::End(end) => return Err(end.into()),
            }
        }
    }

    /// Hands a message from the engine to the state, and those that came with it.
    async fn gather(&mut self, first: Result<Received, EngineError>) -> Result<(), SessionEnd> {
        self.take(first).await?;
        for _ in 1..MESSAGES_PER_TURN {
            let Some(more) = self.link.as_mut().and_then(Link::ready) else { break };
            self.take(more).await?;
        }
        Ok(())
    }

    async fn take(&mut self, received: Result<Received, EngineError>) -> Result<(), SessionEnd> {
        match (received, &mut self.link) {
            (Ok(received), _) => {
                self.state.deliver(received);
                Ok(())
            }
            // Goes on with another router.
            (Err(EngineError::Lost), Some(link)) => {
                link.resume().await.map_err(|error| SessionEnd::engine(&error))
            }
            (Err(EngineError::Lost), None) => Ok(()),
            (Err(error), _) => Err(SessionEnd::engine(&error)),
        }
    }

    /// Waits for something else, and takes what the engine brings meanwhile: publishers wait for a session that does not,
    /// and soon no longer. Boxed, because every session would have room for it all its life.
    async fn receive_until<T>(&mut self, mut other: Pin<Box<dyn Future<Output = T> + Send + '_>>) -> T {
        loop {
            tokio::select! {
                done = &mut other => return done,
                received = receive(&mut self.link) => match received {
                    Ok(received) => self.state.deliver(received),
                    // Nothing comes at the moment. What serves the session next finds out why.
                    Err(_) => return other.await,
                }
            }
        }
    }

    /// Drops what the session holds; a will that still waits is published.
    async fn expire(&mut self) {
        if let Some(will) = self.state.take_will() {
            self.publish_will(will).await;
        }
        // Dropping the link disconnects it.
        self.link = None;
        self.state.expire(*self.stopping.borrow());
    }

    async fn publish_will(&mut self, will: Will) {
        let hub = Arc::clone(&self.hub);
        self.receive_until(Box::pin(publish_will(hub, will))).await;
    }
}

/// Puts an answer into the connection's buffer.
fn reply(connection: &mut Connection, packet: Packet) -> Result<(), Termination> {
    connection.send(packet).map_err(|_| {
        let what = "the client accepts no packet as long as this answer";
        SessionEnd::protocol(DisconnectReasonCode::PacketTooLarge, what).into()
    })
}

/// What arrives over the link; never, if there is none.
async fn receive(link: &mut Option<Link>) -> Result<Received, EngineError> {
    match link {
        Some(link) => link.receive().await,
        None => std::future::pending().await,
    }
}

/// Publishes a will, if the engine has room for it in time.
async fn publish_will(hub: Arc<Hub>, will: Will) {
    let mut attempts = 0;
    let permit = loop {
        attempts += 1;
        match hub.engine.room(will.weight()).await {
            Ok(permit) => break permit,
            Err(EngineError::Busy) if attempts < MAX_WILL_ATTEMPTS => {}
            Err(error) => {
                let (identity, topic) = (will.owner().name(), will.topic());
                tracing::error!(%error, identity, topic, "a last will could not be published");
                return;
            }
        }
    };
    hub.publish(permit, will.message(&hub.shared, Instant::now()));
}
