//! [`Events`]: what happens to connections, as messages for whoever may hear it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use authenticator::record::{Audit, Record};
use broker_rules::audit::{ConnectionEvent, DecisionLog, Strangers, next_decision_id};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{MissedTickBehavior, interval};

use crate::counters::Counters;

/// Events that wait to be published.
const MAX_WAITING: usize = 4_096;

/// Writes every decision to the log, and tells those that are about connections.
pub(crate) struct Events {
    /// Whether a policy lets anybody hear them.
    wanted: Arc<AtomicBool>,
    waiting: Sender<ConnectionEvent>,
    counters: Arc<Counters>,
}

/// What is to be published, in order.
pub(crate) struct WaitingEvents(Receiver<ConnectionEvent>);

impl Events {
    /// Events, and where they wait. They are made only while `wanted`.
    pub(crate) fn new(wanted: Arc<AtomicBool>, counters: Arc<Counters>) -> (Self, WaitingEvents) {
        let (waiting, receiver) = mpsc::channel(MAX_WAITING);
        (Self { wanted, waiting, counters }, WaitingEvents(receiver))
    }
}

impl Audit for Events {
    fn write(&self, record: &Record<'_>) {
        let record = record.clone().id(record.id.unwrap_or_else(next_decision_id));
        DecisionLog.write(&record);
        if !self.wanted.load(Ordering::Relaxed) {
            return;
        }
        let Some(event) = ConnectionEvent::of(&record) else { return };
        // Who listens too slowly, or not at all, delays nobody's connection.
        if self.waiting.try_send(event).is_err() {
            self.counters.events_lost.one();
        }
    }
}

impl WaitingEvents {
    /// Publishes them by `announce` until the broker stops.
    pub(crate) async fn publish<F: Future<Output = ()>>(mut self, announce: impl Fn(String, Vec<u8>) -> F) {
        let mut strangers = Strangers::default();
        let mut summary = interval(Strangers::SUMMARY_INTERVAL);
        summary.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = self.0.recv() => match event {
                    Some(ConnectionEvent::Known { topic, payload }) => announce(topic, payload).await,
                    Some(ConnectionEvent::Refused(stranger)) => strangers.count(stranger),
                    None => return,
                },
                _ = summary.tick() => {
                    for (topic, payload) in strangers.drain() {
                        announce(topic, payload).await;
                    }
                }
            }
        }
    }
}
