//! A device: the agent of a microcontroller on a thread of this machine, and an application that the test speaks for.

use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use countersign_agent::command::Command;
use countersign_agent::credential::Credential;
use countersign_agent::device::{Agent, Application, Cause, Change, Config, Memory, Wish};
use countersign_agent::mqtt::{QoS, ReasonCode};
use countersign_agent::platform::Platform;
use countersign_agent::platform::host::{HostClock, HostNetwork, MemoryFlash};
use countersign_agent::session::State;
use countersign_agent::telemetry::{Message, Queue};
use tokio::sync::{mpsc as orders, oneshot};

use super::PATIENCE;
use crate::random::Random;

/// What the device tells of itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum News {
    /// Another state; why the last connection or attempt ended, and how long it waits.
    State(State, Option<Cause>, Option<Duration>),
    /// A command was obeyed.
    Obeyed { id: String, payload: String },
    /// The broker has all that was said.
    Acknowledged,
    /// The broker does not want a message.
    Rejected(ReasonCode),
}

/// What the device is told.
enum Order {
    Say(String, String),
    Leave,
}

/// A device that is switched on. It is without power when the value is dropped.
pub(super) struct Board {
    orders: orders::UnboundedSender<Order>,
    news: mpsc::Receiver<News>,
    power: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Board {
    /// Starts the device of an image, with what its firmware leaves as it is.
    pub(super) fn start(slot: &[u8]) -> Self {
        Self::start_with(slot, Config::default())
    }

    pub(super) fn start_with(slot: &[u8], config: Config) -> Self {
        let (orders, to_do) = orders::unbounded_channel();
        let (tell, news) = mpsc::channel();
        let (power, cut) = oneshot::channel();
        let slot = slot.to_vec();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut memory: Box<Memory> = Box::default();
                let mut agent = Agent::new(Credential::read(&slot).unwrap(), config, &mut memory);
                let (network, clock, rng) = (HostNetwork, HostClock::untrusted(), Random::new());
                let mut platform = Platform { network, clock, rng, flash: MemoryFlash::new(2) };
                let mut script = Script { to_do, tell, is_behind: false };
                tokio::select! {
                    ran = agent.run(&mut platform, &mut script) => ran.unwrap(),
                    _ = cut => {}
                }
            });
        });
        Self { orders, news, power: Some(power), thread: Some(thread) }
    }

    /// Gives it telemetry to send.
    pub(super) fn say(&self, subtopic: &str, payload: &str) {
        self.order(Order::Say(subtopic.to_owned(), payload.to_owned()));
    }

    /// Has it say good-bye, and waits until it has.
    pub(super) fn leave(mut self) {
        self.order(Order::Leave);
        self.thread.take().unwrap().join().unwrap();
    }

    fn order(&self, order: Order) {
        assert!(self.orders.send(order).is_ok(), "the device is off");
    }

    /// Waits for this news; what comes before it does not matter.
    pub(super) fn reports(&self, wanted: &News) {
        self.find(|news| (news == wanted).then_some(()));
    }

    /// Waits until it is online.
    pub(super) fn is_online(&self) {
        self.reports(&News::State(State::Online, None, None));
    }

    /// Waits until a connection or an attempt has ended; the state after it, why, and how long it will wait.
    pub(super) fn ends(&self) -> (State, Cause, Duration) {
        self.find(|news| match news {
            News::State(state, Some(cause), Some(wait)) => Some((*state, *cause, *wait)),
            _ => None,
        })
    }

    #[track_caller]
    fn find<T>(&self, wanted: impl Fn(&News) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            match self.news.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(news) => match wanted(&news) {
                    Some(found) => return found,
                    None => seen.push(news),
                },
                Err(end) => panic!("the device did not report it ({end}): {seen:#?}"),
            }
        }
    }
}

impl Drop for Board {
    /// A power cut: nothing more is said.
    fn drop(&mut self) {
        drop(self.power.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the agent panicked");
        }
    }
}

/// An application that says what it is told to, and does every command at once.
struct Script {
    to_do: orders::UnboundedReceiver<Order>,
    tell: mpsc::Sender<News>,
    /// Whether the broker has not got everything yet.
    is_behind: bool,
}

impl Script {
    fn tell(&self, news: News) {
        // A test that has ended listens no more.
        let _ = self.tell.send(news);
    }
}

impl Application for Script {
    async fn produce(&mut self, queue: &mut Queue<'_>) -> Wish {
        if self.is_behind && queue.is_empty() {
            self.is_behind = false;
            self.tell(News::Acknowledged);
        }
        match self.to_do.recv().await {
            Some(Order::Say(subtopic, payload)) => {
                queue.publish(&subtopic, payload.as_bytes(), QoS::AtLeastOnce).unwrap();
                self.is_behind = true;
                Wish::Continue
            }
            Some(Order::Leave) | None => Wish::Leave,
        }
    }

    async fn obey(&mut self, command: Command<'_>, queue: &mut Queue<'_>) {
        queue.publish_result(command.id, &[b"did ", command.payload].concat()).unwrap();
        self.is_behind = true;
        let payload = String::from_utf8(command.payload.to_vec()).unwrap();
        self.tell(News::Obeyed { id: command.id.to_owned(), payload });
    }

    fn changed(&mut self, change: Change<'_>) {
        self.tell(News::State(change.state, change.cause().copied(), change.wait));
    }

    fn rejected(&mut self, _: Message<'_>, reason: ReasonCode) {
        self.tell(News::Rejected(reason));
    }
}
