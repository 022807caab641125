//! The firmware around the agent: it publishes what the test or its schedule tells it to, and carries out commands.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use countersign_agent::command::Command;
use countersign_agent::device::{Application, Change, Control};
use countersign_agent::mqtt::{QoS, ReasonCode};
use countersign_agent::telemetry::{Message, Queue};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use super::event_log::{Event, EventLog};

/// The most calls of `produce` without time passing.
const MAX_CALLS_PER_INSTANT: u32 = 10_000;

/// The test's side of the firmware: what it is to do.
#[derive(Clone)]
pub(super) struct FirmwareControl(Rc<Inner>);

struct Inner {
    waiting: RefCell<VecDeque<Instruction>>,
    more: Notify,
    /// How long a command takes.
    command_duration: Cell<Duration>,
    /// The time between two messages of the firmware's own.
    schedule: RefCell<Option<Range<Duration>>>,
}

enum Instruction {
    Publish(String, QoS),
    /// Return from `produce` without a message.
    ReturnAtOnce,
    Leave,
}

impl FirmwareControl {
    /// Has it publish this, once there is room in the queue.
    pub(super) fn publish(&self, text: impl Into<String>, qos: QoS) {
        self.give(Instruction::Publish(text.into(), qos));
    }

    /// Has it return from `produce` at once, without a message.
    pub(super) fn return_at_once(&self) {
        self.give(Instruction::ReturnAtOnce);
    }

    /// Has it end the session.
    pub(super) fn leave(&self) {
        self.give(Instruction::Leave);
    }

    /// Sets how long a command takes.
    pub(super) fn set_command_duration(&self, duration: Duration) {
        self.0.command_duration.set(duration);
    }

    /// Sets the time between two messages of its own; `None` for none.
    pub(super) fn publish_every(&self, schedule: Option<Range<Duration>>) {
        *self.0.schedule.borrow_mut() = schedule;
        self.0.more.notify_waiters();
    }

    fn give(&self, instruction: Instruction) {
        self.0.waiting.borrow_mut().push_back(instruction);
        self.0.more.notify_waiters();
    }
}

/// The firmware.
pub(super) struct Firmware {
    control: FirmwareControl,
    log: EventLog,
    random: StdRng,
    /// When it publishes a message of its own.
    next: Option<Instant>,
    /// How many messages and results it has published so far.
    published: u32,
    /// The current instant, and how often `produce` was called in it.
    calls: (Instant, u32),
}

impl Firmware {
    pub(super) fn new(seed: u64, log: EventLog) -> (Self, FirmwareControl) {
        let control = FirmwareControl(Rc::new(Inner {
            waiting: RefCell::default(),
            more: Notify::new(),
            command_duration: Cell::default(),
            schedule: RefCell::default(),
        }));
        let firmware = Self {
            control: control.clone(),
            log,
            random: StdRng::seed_from_u64(seed),
            next: None,
            published: 0,
            calls: (Instant::now(), 0),
        };
        (firmware, control)
    }

    /// Waits until it is time for a message of its own; `None` if the schedule has changed meanwhile.
    async fn wait_for_schedule(&mut self) -> Option<()> {
        let control = self.control.clone();
        let more = control.0.more.notified();
        let schedule = control.0.schedule.borrow().clone();
        let Some(schedule) = schedule else {
            self.next = None;
            more.await;
            return None;
        };
        let next = *self.next.get_or_insert_with(|| Instant::now() + self.random.random_range(schedule));
        tokio::select! {
            () = more => None,
            () = sleep_until(next) => {
                self.next = None;
                Some(())
            }
        }
    }

    /// Puts a message into the queue if it has room. Texts are unique, and sort in the order in which they were
    /// published.
    fn publish(&mut self, text: &str, qos: QoS, queue: &mut Queue<'_>) -> bool {
        let text = format!("{:06} {text}", self.published);
        let taken = queue.publish("log", text.as_bytes(), qos).is_ok();
        if taken {
            self.published += 1;
            self.log.record(Event::Queued { text, qos });
        }
        taken
    }

    fn count_call(&mut self) {
        let now = Instant::now();
        self.calls = if self.calls.0 == now { (now, self.calls.1 + 1) } else { (now, 0) };
        assert!(
            self.calls.1 < MAX_CALLS_PER_INSTANT,
            "the agent calls `produce` in a loop, and no time passes"
        );
    }
}

impl Application for Firmware {
    async fn produce(&mut self, queue: &mut Queue<'_>) -> Control {
        self.count_call();
        loop {
            let instruction = self.control.0.waiting.borrow_mut().pop_front();
            match instruction {
                Some(Instruction::Leave) => return Control::Leave,
                Some(Instruction::ReturnAtOnce) => return Control::Continue,
                Some(Instruction::Publish(text, qos)) => {
                    if self.publish(&text, qos, queue) {
                        return Control::Continue;
                    }
                    // Waits until the broker has acknowledged something, and this is called again.
                    self.control.0.waiting.borrow_mut().push_front(Instruction::Publish(text, qos));
                    std::future::pending::<()>().await;
                }
                None => {
                    if self.wait_for_schedule().await.is_some() {
                        let qos =
                            if self.random.random_bool(0.3) { QoS::AtMostOnce } else { QoS::AtLeastOnce };
                        // Without room in the queue the message is not published.
                        self.publish("of its own accord", qos, queue);
                        return Control::Continue;
                    }
                }
            }
        }
    }

    async fn handle_command(&mut self, command: Command<'_>, queue: &mut Queue<'_>) {
        let Command { id, payload, duplicate } = command;
        self.log.record(Event::CommandBegun { id: id.to_owned(), duplicate });
        let duration = self.control.0.command_duration.get();
        if !duration.is_zero() {
            sleep(duration).await;
        }
        let text = format!("{:06} did {}", self.published, String::from_utf8_lossy(payload));
        // A command that is sent again and again, because connections break before its acknowledgement, fills any
        // queue.
        if queue.publish_result(id, text.as_bytes()).is_ok() {
            self.published += 1;
            self.log.record(Event::Queued { text, qos: QoS::AtLeastOnce });
        } else {
            self.log.record(Event::NoRoomForResult { id: id.to_owned() });
        }
        self.log.record(Event::CommandDone { id: id.to_owned() });
    }

    fn changed(&mut self, change: Change<'_>) {
        let Change { state, ended, wait } = change;
        self.log.record(Event::StateChanged { state, ended: ended.copied(), wait });
    }

    fn delivered(&mut self, message: Message<'_>) {
        let text = String::from_utf8_lossy(message.payload).into_owned();
        self.log.record(Event::Delivered { text });
    }

    fn rejected(&mut self, message: Message<'_>, reason: ReasonCode) {
        let text = String::from_utf8_lossy(message.payload).into_owned();
        self.log.record(Event::Rejected { text, reason });
    }
}
