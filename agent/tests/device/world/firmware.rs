//! The firmware around the agent: it says what the test or its schedule has it say, and obeys.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use countersign_agent::command::Command;
use countersign_agent::device::{Application, Change, Wish};
use countersign_agent::mqtt::{QoS, ReasonCode};
use countersign_agent::telemetry::{Message, Queue};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use super::chronicle::{Chronicle, Event};

/// How often the agent may ask for telemetry without time passing.
const RESTLESS: u32 = 10_000;

/// What the firmware is to do, for the test that tells it.
#[derive(Clone)]
pub(super) struct Orders(Rc<Inner>);

struct Inner {
    waiting: RefCell<VecDeque<Order>>,
    more: Notify,
    /// How long a command takes.
    obeying: Cell<Duration>,
    /// The time between two messages that nobody ordered.
    schedule: RefCell<Option<Range<Duration>>>,
}

enum Order {
    Say(String, QoS),
    Hurry,
    Leave,
}

impl Orders {
    /// Has it say this, once it has room in the queue.
    pub(super) fn say(&self, text: impl Into<String>, qos: QoS) {
        self.give(Order::Say(text.into(), qos));
    }

    /// Has it say at once that it has said something, once.
    pub(super) fn hurry(&self) {
        self.give(Order::Hurry);
    }

    /// Has it wish to leave.
    pub(super) fn leave(&self) {
        self.give(Order::Leave);
    }

    /// From now on a command takes so long.
    pub(super) fn obey_slowly(&self, obeying: Duration) {
        self.0.obeying.set(obeying);
    }

    /// From now on it talks of its own accord, or no longer does.
    pub(super) fn talk(&self, schedule: Option<Range<Duration>>) {
        *self.0.schedule.borrow_mut() = schedule;
        self.0.more.notify_waiters();
    }

    fn give(&self, order: Order) {
        self.0.waiting.borrow_mut().push_back(order);
        self.0.more.notify_waiters();
    }
}

/// The firmware.
pub(super) struct Firmware {
    orders: Orders,
    chronicle: Chronicle,
    random: StdRng,
    /// When it says something of its own accord.
    next: Option<Instant>,
    /// What it has said and done so far, counted.
    said: u32,
    /// Since when it has been asked how often.
    asked: (Instant, u32),
}

impl Firmware {
    pub(super) fn new(seed: u64, chronicle: Chronicle) -> (Self, Orders) {
        let orders = Orders(Rc::new(Inner {
            waiting: RefCell::default(),
            more: Notify::new(),
            obeying: Cell::default(),
            schedule: RefCell::default(),
        }));
        let firmware = Self {
            orders: orders.clone(),
            chronicle,
            random: StdRng::seed_from_u64(seed),
            next: None,
            said: 0,
            asked: (Instant::now(), 0),
        };
        (firmware, orders)
    }

    /// Waits until it is time to say something of its own accord; `None` if it no longer is.
    async fn moment(&mut self) -> Option<()> {
        let orders = self.orders.clone();
        let more = orders.0.more.notified();
        let schedule = orders.0.schedule.borrow().clone();
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

    /// Puts a message into the queue if it has room. Every text is another one, and they sort as they were said.
    fn say(&mut self, text: &str, qos: QoS, queue: &mut Queue<'_>) -> bool {
        let text = format!("{:06} {text}", self.said);
        let taken = queue.publish("log", text.as_bytes(), qos).is_ok();
        if taken {
            self.said += 1;
            self.chronicle.note(Event::Said { text, qos });
        }
        taken
    }

    fn count_question(&mut self) {
        let now = Instant::now();
        self.asked = if self.asked.0 == now { (now, self.asked.1 + 1) } else { (now, 0) };
        assert!(self.asked.1 < RESTLESS, "the agent asks for telemetry in a loop, and no time passes");
    }
}

impl Application for Firmware {
    async fn produce(&mut self, queue: &mut Queue<'_>) -> Wish {
        self.count_question();
        loop {
            let order = self.orders.0.waiting.borrow_mut().pop_front();
            match order {
                Some(Order::Leave) => return Wish::Leave,
                Some(Order::Hurry) => return Wish::Continue,
                Some(Order::Say(text, qos)) => {
                    if self.say(&text, qos, queue) {
                        return Wish::Continue;
                    }
                    // Until the broker has acknowledged something, and this is asked again.
                    self.orders.0.waiting.borrow_mut().push_front(Order::Say(text, qos));
                    std::future::pending::<()>().await;
                }
                None => {
                    if self.moment().await.is_some() {
                        let qos =
                            if self.random.random_bool(0.3) { QoS::AtMostOnce } else { QoS::AtLeastOnce };
                        // What finds no room is not said.
                        self.say("of its own accord", qos, queue);
                        return Wish::Continue;
                    }
                }
            }
        }
    }

    async fn obey(&mut self, command: Command<'_>, queue: &mut Queue<'_>) {
        let Command { id, payload, duplicate } = command;
        self.chronicle.note(Event::Obeying { id: id.to_owned(), duplicate });
        let obeying = self.orders.0.obeying.get();
        if !obeying.is_zero() {
            sleep(obeying).await;
        }
        let text = format!("{:06} did {}", self.said, String::from_utf8_lossy(payload));
        // A command that comes again and again, because connections break before its acknowledgement, fills any queue.
        if queue.publish_result(id, text.as_bytes()).is_ok() {
            self.said += 1;
            self.chronicle.note(Event::Said { text, qos: QoS::AtLeastOnce });
        } else {
            self.chronicle.note(Event::NoRoom { id: id.to_owned() });
        }
        self.chronicle.note(Event::Obeyed { id: id.to_owned() });
    }

    fn changed(&mut self, change: Change<'_>) {
        let Change { state, ended, wait } = change;
        self.chronicle.note(Event::Changed { state, ended: ended.copied(), wait });
    }

    fn delivered(&mut self, message: Message<'_>) {
        let text = String::from_utf8_lossy(message.payload).into_owned();
        self.chronicle.note(Event::Delivered { text });
    }

    fn rejected(&mut self, message: Message<'_>, reason: ReasonCode) {
        let text = String::from_utf8_lossy(message.payload).into_owned();
        self.chronicle.note(Event::Rejected { text, reason });
    }
}
