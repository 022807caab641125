//! What the firmware of a simulated device does: it counts aloud, and does as it is told.

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

use super::record::{Latencies, Record, Tally};
use super::stop::Stopping;
use super::voice::{Outcome, Voice};

/// Where it counts: `devices/<id>/telemetry/count`.
const SUBTOPIC: &str = "count";

/// The latencies of all devices of a thread.
pub(super) struct Measured {
    pub(super) connect: Latencies,
    pub(super) acknowledge: Latencies,
}

/// The firmware of one device.
pub(super) struct Firmware {
    device_id: DeviceId,
    voice: Arc<Voice>,
    measured: Rc<RefCell<Measured>>,
    stopping: Stopping,
    /// Between messages, if it says anything by itself.
    interval: Option<Duration>,
    next: Instant,
    /// The last number said.
    count: u64,
    /// Numbers not acknowledged, and when they were said.
    said: VecDeque<(u64, Instant)>,
    attempt_began: Instant,
    outcome: Outcome,
    sessions: u64,
    attempts: u64,
    tally: Tally,
}

impl Firmware {
    /// A device that says something every `interval`, from now on.
    pub(super) fn new(
        device_id: DeviceId,
        interval: Option<Duration>,
        voice: Arc<Voice>,
        measured: Rc<RefCell<Measured>>,
        stopping: Stopping,
    ) -> Self {
        let now = Instant::now();
        Self {
            device_id,
            voice,
            measured,
            stopping,
            interval,
            next: now,
            count: 0,
            said: VecDeque::new(),
            attempt_began: now,
            outcome: Outcome::Pending,
            sessions: 0,
            attempts: 0,
            tally: Tally::default(),
        }
    }

    /// What became of the device so far.
    pub(super) fn record(self) -> Record {
        let Self { outcome, sessions, attempts, tally, .. } = self;
        Record { outcome, sessions, attempts, tally }
    }

    /// Says the next number, if there is room for it.
    fn say(&mut self, queue: &mut Queue<'_>, interval: Duration) {
        let now = Instant::now();
        // What fell due while the agent was busy connecting is said now, once.
        self.next = (self.next + interval).max(now);
        self.count += 1;
        match queue.publish(SUBTOPIC, self.count.to_string().as_bytes(), QoS::AtLeastOnce) {
            Ok(()) => {
                self.tally.published += 1;
                self.said.push_back((self.count, now));
            }
            Err(_) => self.tally.no_room += 1,
        }
    }
}

impl Application for Firmware {
    async fn produce(&mut self, queue: &mut Queue<'_>) -> Control {
        if let Some(deadline) = self.stopping.deadline() {
            // Whoever is refused or has no connection may come too late for the last acknowledgement.
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
            _ = self.stopping.asked() => None,
            interval = due => Some(interval),
        };
        if let Some(interval) = due {
            self.say(queue, interval);
        }
        Control::Continue
    }

    async fn handle_command(&mut self, command: Command<'_>, queue: &mut Queue<'_>) {
        self.tally.obeyed += 1;
        match queue.publish_result(command.id, &[b"done: ", command.payload].concat()) {
            Ok(()) => self.tally.published += 1,
            Err(_) => self.tally.no_room += 1,
        }
        self.voice.obeyed(&self.device_id, command.id, command.payload);
    }

    fn changed(&mut self, change: Change<'_>) {
        let was_online = self.outcome == Outcome::Online;
        self.voice.state(&self.device_id, &change);
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
            self.voice.outcome(&self.device_id, outcome, &change, took);
        }
        let is_online = self.outcome == Outcome::Online;
        if is_online != was_online {
            self.voice.online(is_online);
        }
    }

    fn delivered(&mut self, message: Message<'_>) {
        self.tally.acknowledged += 1;
        if message.subtopic != SUBTOPIC {
            return;
        }
        let number = std::str::from_utf8(message.payload).ok().and_then(|text| text.parse::<u64>().ok());
        // What lies before it was rejected.
        while let Some((said, when)) = self.said.front().copied().filter(|(said, _)| Some(*said) <= number) {
            self.said.pop_front();
            if Some(said) == number {
                self.measured.borrow_mut().acknowledge.add(when.elapsed());
            }
        }
    }

    fn rejected(&mut self, _message: Message<'_>, _reason: ReasonCode) {
        self.tally.rejected += 1;
    }
}
