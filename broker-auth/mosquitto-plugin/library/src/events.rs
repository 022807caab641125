//! [`Events`]: what happens to connections, as messages for whoever may hear it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Instant;

use authenticator::record::Record;
use broker_rules::audit::{ConnectionEvent, Strangers};
use mosquitto_plugin::callbacks::Message;

/// Events that wait for the next tick.
const MAX_WAITING: usize = 4_096;

/// What is to be published at the next tick: mosquitto takes messages from callbacks only, and is in the middle of something
/// in all others.
#[derive(Default)]
pub(crate) struct Events {
    waiting: RefCell<VecDeque<Message>>,
    strangers: RefCell<Strangers>,
    /// When strangers were summed last.
    summed: Cell<Option<Instant>>,
}

impl Events {
    /// Has `record` told, if it is about a connection. Returns whether there was room for it.
    pub(crate) fn add(&self, record: &Record<'_>) -> bool {
        match ConnectionEvent::of(record) {
            Some(ConnectionEvent::Known { topic, payload }) => self.wait(topic, payload),
            Some(ConnectionEvent::Refused(stranger)) => {
                self.strangers.borrow_mut().count(stranger);
                true
            }
            None => true,
        }
    }

    /// What is to be published now.
    pub(crate) fn take(&self) -> VecDeque<Message> {
        let summed = self.summed.get().unwrap_or_else(|| {
            let now = Instant::now();
            self.summed.set(Some(now));
            now
        });
        if summed.elapsed() >= Strangers::SUMMARY_INTERVAL {
            self.summed.set(Some(Instant::now()));
            for (topic, payload) in self.strangers.borrow_mut().drain() {
                // So many networks and reasons are told apart that they fit where nothing else waits.
                self.wait(topic, payload);
            }
        }
        self.waiting.take()
    }

    fn wait(&self, topic: String, payload: Vec<u8>) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() >= MAX_WAITING {
            return false;
        }
        waiting.push_back(Message { topic: topic.into(), payload: payload.into() });
        true
    }
}
