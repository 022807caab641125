//! A device: the agent of a microcontroller on a thread of this machine, with an application that a test controls.

use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use countersign_agent::command::Command;
use countersign_agent::credential::Credential;
use countersign_agent::device::{Agent, Application, Cause, Change, Config, Control, Memory};
use countersign_agent::mqtt::{QoS, ReasonCode};
use countersign_agent::platform::Platform;
use countersign_agent::platform::host::part::Nrf52840;
use countersign_agent::platform::host::{HostClock, HostNetwork, NorFlashModel};
use countersign_agent::session::State;
use countersign_agent::telemetry::{Message, Queue};
use tokio::sync::{mpsc as instructions, oneshot};

use super::EVENT_TIMEOUT;
use crate::random::Random;

/// What the device reports to the test.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Report {
    /// Its state has changed: the cause of the last end, and the wait, if there are any.
    State(State, Option<Cause>, Option<Duration>),
    /// A command was carried out.
    CommandDone { id: String, payload: String },
    /// The broker has acknowledged every message.
    Acknowledged,
    /// The broker has refused a message.
    Rejected(ReasonCode),
}

/// What the test tells the device to do.
enum Instruction {
    Publish(String, String),
    Leave,
}

/// A device that is powered, until the value is dropped.
pub(super) struct Board {
    instructions: instructions::UnboundedSender<Instruction>,
    reports: mpsc::Receiver<Report>,
    power: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Board {
    /// Starts the device of an image, with the default configuration.
    pub(super) fn start(slot: &[u8]) -> Self {
        Self::start_with(slot, Config::default())
    }

    pub(super) fn start_with(slot: &[u8], config: Config) -> Self {
        let (instructions, to_do) = instructions::unbounded_channel();
        let (tell, reports) = mpsc::channel();
        let (power, cut) = oneshot::channel();
        let slot = slot.to_vec();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut memory: Box<Memory> = Box::default();
                let mut agent = Agent::new(Credential::read(&slot).unwrap(), config, &mut memory);
                let (network, clock, rng) = (HostNetwork, HostClock::untrusted(), Random::new());
                let mut platform = Platform { network, clock, rng, flash: NorFlashModel::<Nrf52840>::new(2) };
                let mut script = Script { to_do, tell, has_unacknowledged: false };
                tokio::select! {
                    ran = agent.run(&mut platform, &mut script) => ran.unwrap(),
                    _ = cut => {}
                }
            });
        });
        Self { instructions, reports, power: Some(power), thread: Some(thread) }
    }

    /// Has it publish telemetry.
    pub(super) fn publish(&self, subtopic: &str, payload: &str) {
        self.instruct(Instruction::Publish(subtopic.to_owned(), payload.to_owned()));
    }

    /// Has it end its session, and waits until it has.
    pub(super) fn leave(mut self) {
        self.instruct(Instruction::Leave);
        self.thread.take().unwrap().join().unwrap();
    }

    fn instruct(&self, instruction: Instruction) {
        assert!(self.instructions.send(instruction).is_ok(), "the device is off");
    }

    /// Waits for this report, and skips those before it.
    pub(super) fn reports(&self, wanted: &Report) {
        self.find(|report| (report == wanted).then_some(()));
    }

    /// Waits until it is online.
    pub(super) fn is_online(&self) {
        self.reports(&Report::State(State::Online, None, None));
    }

    /// Waits until a connection or an attempt has ended; the state after it, why, and how long it will wait.
    pub(super) fn ends(&self) -> (State, Cause, Duration) {
        self.find(|report| match report {
            Report::State(state, Some(cause), Some(wait)) => Some((*state, *cause, *wait)),
            _ => None,
        })
    }

    #[track_caller]
    fn find<T>(&self, wanted: impl Fn(&Report) -> Option<T>) -> T {
        let deadline = Instant::now() + EVENT_TIMEOUT;
        let mut seen = Vec::new();
        loop {
            match self.reports.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(report) => match wanted(&report) {
                    Some(found) => return found,
                    None => seen.push(report),
                },
                Err(end) => panic!("the device did not report it ({end}): {seen:#?}"),
            }
        }
    }
}

impl Drop for Board {
    /// A power cut: the session is not ended in order.
    fn drop(&mut self) {
        drop(self.power.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the agent panicked");
        }
    }
}

/// An application that publishes what it is told to, and carries out every command at once.
struct Script {
    to_do: instructions::UnboundedReceiver<Instruction>,
    tell: mpsc::Sender<Report>,
    /// Whether a message is not acknowledged yet.
    has_unacknowledged: bool,
}

impl Script {
    fn tell(&self, report: Report) {
        // The receiver is gone when the test has ended.
        let _ = self.tell.send(report);
    }
}

impl Application for Script {
    async fn produce(&mut self, queue: &mut Queue<'_>) -> Control {
        if self.has_unacknowledged && queue.is_empty() {
            self.has_unacknowledged = false;
            self.tell(Report::Acknowledged);
        }
        match self.to_do.recv().await {
            Some(Instruction::Publish(subtopic, payload)) => {
                queue.publish(&subtopic, payload.as_bytes(), QoS::AtLeastOnce).unwrap();
                self.has_unacknowledged = true;
                Control::Continue
            }
            Some(Instruction::Leave) | None => Control::Leave,
        }
    }

    async fn handle_command(&mut self, command: Command<'_>, queue: &mut Queue<'_>) {
        queue.publish_result(command.id, &[b"did ", command.payload].concat()).unwrap();
        self.has_unacknowledged = true;
        let payload = String::from_utf8(command.payload.to_vec()).unwrap();
        self.tell(Report::CommandDone { id: command.id.to_owned(), payload });
    }

    fn changed(&mut self, change: Change<'_>) {
        self.tell(Report::State(change.state, change.cause().copied(), change.wait));
    }

    fn rejected(&mut self, _: Message<'_>, reason: ReasonCode) {
        self.tell(Report::Rejected(reason));
    }
}
