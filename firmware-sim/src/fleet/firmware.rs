//! The application of a simulated device: it publishes a counter, and answers every command with `done: …`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use countersign_agent::command::Command;
use countersign_agent::device::{Application, Change, Control};
use countersign_agent::mqtt::{QoS, ReasonCode};
use countersign_agent::session::State;
use countersign_agent::telemetry::{Message, Queue};
use device_identity::DeviceId;
use tokio::time::Instant;

use super::record::{Counts, Latencies, Record};
use super::reporter::{Outcome, Reporter};
use super::shutdown::ShutdownSignal;

/// The subtopic of the counter: `devices/<id>/telemetry/count`.
const SUBTOPIC: &str = "count";

/// The latencies of all devices of one thread.
pub(super) struct MeasuredLatencies {
    pub(super) connect: Latencies,
    pub(super) acknowledge: Latencies,
}

/// The application of one device.
pub(super) struct Firmware {
    device_id: DeviceId,
    reporter: Arc<Reporter>,
    measured: Rc<RefCell<MeasuredLatencies>>,
    shutdown: ShutdownSignal,
    /// The time between two counter messages. `None`: there are none.
    interval: Option<Duration>,
    next: Instant,
    /// The last number published.
    count: u64,
    /// Numbers that are not acknowledged, each with the time of its publishing.
    pending: VecDeque<(u64, Instant)>,
    attempt_began: Instant,
    outcome: Outcome,
    sessions: u64,
    attempts: u64,
    counts: Counts,
}

impl Firmware {
    /// A device that publishes a number every `interval`, starting now.
    pub(super) fn new(
        device_id: DeviceId,
        interval: Option<Duration>,
        reporter: Arc<Reporter>,
        measured: Rc<RefCell<MeasuredLatencies>>,
        shutdown: ShutdownSignal,
    ) -> Self {
        let now = Instant::now();
        Self {
            device_id,
            reporter,
            measured,
            shutdown,
            interval,
            next: now,
            count: 0,
            pending: VecDeque::new(),
            attempt_began: now,
            outcome: Outcome::Pending,
            sessions: 0,
            attempts: 0,
            counts: Counts::default(),
        }
    }

    /// The results of the device.
    pub(super) fn record(self) -> Record {
        let Self { outcome, sessions, attempts, counts, .. } = self;
        Record { outcome, sessions, attempts, counts }
    }

    /// Publishes the next number, if the queue has room for it.
    fn publish_count(&mut self, queue: &mut Queue<'_>, interval: Duration) {
        let now = Instant::now();
        // Numbers that fell due while the agent was busy connecting are published once, now.
        self.next = (self.next + interval).max(now);
        self.count += 1;
        match queue.publish(SUBTOPIC, self.count.to_string().as_bytes(), QoS::AtLeastOnce) {
            Ok(()) => {
                self.counts.published += 1;
                self.pending.push_back((self.count, now));
            }
            Err(_) => self.counts.no_room += 1,
        }
    }
}

impl Application for Firmware {
    async fn produce(&mut self, queue: &mut Queue<'_>) -> Control {
        if let Some(deadline) = self.shutdown.deadline() {
            // A device that is refused or has no connection does not wait for the last acknowledgements.
            if queue.is_empty() || self.outcome != Outcome::Online || Instant::now() >= deadline {
                return Control::Leave;
            }
            tokio::time::sleep_until(deadline).await;
            return Control::Continue;
        }
        let next = self.next;
        let due = async {
            match self.interval {
                Some(interval) => {
                    tokio::time::sleep_until(next).await;
                    interval
                }
                None => std::future::pending().await,
            }
        };
        let due = tokio::select! {
            _ = self.shutdown.requested() => None,
            interval = due => Some(interval),
        };
        if let Some(interval) = due {
            self.publish_count(queue, interval);
        }
        Control::Continue
    }

    async fn handle_command(&mut self, command: Command<'_>, queue: &mut Queue<'_>) {
        self.counts.commands_handled += 1;
        match queue.publish_result(command.id, &[b"done: ", command.payload].concat()) {
            Ok(()) => self.counts.published += 1,
            Err(_) => self.counts.no_room += 1,
        }
        self.reporter.command(&self.device_id, command.id, command.payload);
    }

    fn changed(&mut self, change: Change<'_>) {
        let was_online = self.outcome == Outcome::Online;
        self.reporter.state_changed(&self.device_id, &change);
        let took = self.attempt_began.elapsed();
        let outcome = match change.state {
            State::Connecting => {
                self.attempts += 1;
                self.attempt_began = Instant::now();
                return;
            }
            State::Online => {
                self.sessions += 1;
                self.measured.borrow_mut().connect.add(took);
                Outcome::Online
            }
            State::Offline => Outcome::Lost,
            State::Refused => Outcome::Refused,
        };
        if outcome != self.outcome {
            self.outcome = outcome;
            self.reporter.outcome_changed(&self.device_id, outcome, &change, took);
        }
        let is_online = self.outcome == Outcome::Online;
        if is_online != was_online {
            self.reporter.count_online(is_online);
        }
    }

    fn delivered(&mut self, message: Message<'_>) {
        self.counts.acknowledged += 1;
        if message.subtopic != SUBTOPIC {
            return;
        }
        let number = std::str::from_utf8(message.payload).ok().and_then(|text| text.parse::<u64>().ok());
        // Messages are acknowledged in order: earlier numbers that are still pending were rejected.
        while let Some((sent, since)) =
            self.pending.front().copied().filter(|(sent, _)| Some(*sent) <= number)
        {
            self.pending.pop_front();
            if Some(sent) == number {
                self.measured.borrow_mut().acknowledge.add(since.elapsed());
            }
        }
    }

    fn rejected(&mut self, _message: Message<'_>, _reason: ReasonCode) {
        self.counts.rejected += 1;
    }
}
