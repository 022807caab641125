//! Messages that a client does not get: counted one by one, and logged so that the last line of each kind is the total.

use authenticator::policy::{ClientId, Permit, TopicFilter};
use mqtt::Text;
use mqtt::count::Total;

use super::counters::Counters;
use super::queue_limits::Dropped;
use crate::engine::Loss;

/// What a session has dropped so far.
#[derive(Debug, Default)]
pub(super) struct Drops {
    queue_full: QueueFull,
    oversize: Oversize,
    overtaken: Overtaken,
}

/// Whom the messages were for.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) client_id: &'a ClientId,
    pub(super) permit: &'a Permit,
}

impl Drops {
    /// The queue has no room for a message for this topic.
    pub(super) fn count_dropped(
        &mut self,
        counters: &Counters,
        topic: &Text,
        dropped: Dropped,
        owner: Owner<'_>,
    ) {
        counters.dropped_queue_full.one();
        let QueueFull { total, latest_topic, limit } = &mut self.queue_full;
        *limit = match dropped {
            Dropped::Queue => "max-queued-messages or max-queued-bytes",
            Dropped::Memory => {
                counters.dropped_memory_full.one();
                "max-queued-bytes of all clients"
            }
        };
        note(latest_topic, topic);
        if let Some(dropped) = total.add(1) {
            self.queue_full.log(dropped, owner);
        }
    }

    /// A message is longer than the client accepts.
    pub(super) fn count_oversize(&mut self, counters: &Counters, topic: &str, owner: Owner<'_>) {
        counters.dropped_oversize.one();
        note(&mut self.oversize.latest_topic, topic);
        if let Some(dropped) = self.oversize.total.add(1) {
            self.oversize.log(dropped, owner);
        }
    }

    /// The session was too far behind the engine.
    pub(super) fn count_overtaken(&mut self, counters: &Counters, loss: &Loss, owner: Owner<'_>) {
        counters.dropped_lagging.add(loss.messages);
        self.overtaken.latest_filter = loss.filter.clone();
        if let Some(lost) = self.overtaken.total.add(loss.messages) {
            self.overtaken.log(lost, owner);
        }
    }

    /// Logs how many there were in all, as far as that is not in the log yet.
    pub(super) fn log_totals(&mut self, owner: Owner<'_>) {
        if let Some(dropped) = self.queue_full.total.unlogged() {
            self.queue_full.log(dropped, owner);
        }
        if let Some(dropped) = self.oversize.total.unlogged() {
            self.oversize.log(dropped, owner);
        }
        if let Some(lost) = self.overtaken.total.unlogged() {
            self.overtaken.log(lost, owner);
        }
    }
}

/// Messages that found no room in the client's queue.
#[derive(Debug, Default)]
struct QueueFull {
    total: Total,
    latest_topic: String,
    /// Which limit the latest one met.
    limit: &'static str,
}

impl QueueFull {
    fn log(&self, dropped: u64, Owner { client_id, permit }: Owner<'_>) {
        tracing::warn!(
            client_id = client_id.as_str(),
            identity = permit.identity().name(),
            topic = self.latest_topic,
            limit = self.limit,
            dropped,
            "messages are dropped: the client's queue is full"
        );
    }
}

/// Messages longer than the client accepts.
#[derive(Debug, Default)]
struct Oversize {
    total: Total,
    latest_topic: String,
}

impl Oversize {
    fn log(&self, dropped: u64, Owner { client_id, permit }: Owner<'_>) {
        tracing::warn!(
            client_id = client_id.as_str(),
            identity = permit.identity().name(),
            topic = self.latest_topic,
            dropped,
            "messages are dropped: they are longer than the client accepts"
        );
    }
}

/// Messages that the engine had forgotten when the session came for them.
#[derive(Debug, Default)]
struct Overtaken {
    total: Total,
    latest_filter: Option<TopicFilter<'static>>,
}

impl Overtaken {
    fn log(&self, lost: u64, Owner { client_id, permit }: Owner<'_>) {
        tracing::warn!(
            client_id = client_id.as_str(),
            identity = permit.identity().name(),
            filter = self.latest_filter.as_ref().map(TopicFilter::as_str),
            lost,
            "messages were lost: the session was too far behind"
        );
    }
}

fn note(latest: &mut String, topic: &str) {
    latest.clear();
    latest.push_str(topic);
}
