//! Messages that found no room in a client's queue: counted one by one, and logged so that the last line is the total.

use super::life::Session;
use super::outbox::Dropped;
use mqtt::Text;
use mqtt::count::Sampler;

/// What a session has dropped so far.
#[derive(Debug, Default)]
pub(super) struct Drops {
    sampler: Sampler,
    count: u64,
    logged: u64,
    latest_topic: String,
    /// Which limit the latest one met.
    limit: &'static str,
}

impl Session {
    /// A message for this topic is dropped. A sample is logged at once.
    pub(super) fn drop_for_want_of_room(&mut self, topic: &Text, dropped: Dropped) {
        let counters = &self.hub.counters;
        counters.dropped_queue_full.one();
        self.drops.limit = match dropped {
            Dropped::Queue => "max-queued-messages or max-queued-bytes",
            Dropped::Memory => {
                counters.dropped_memory_full.one();
                "max-queued-bytes of all clients"
            }
        };
        self.drops.count += 1;
        let is_sampled = self.drops.sampler.sample().is_some();
        self.drops.latest_topic.clear();
        self.drops.latest_topic.push_str(topic);
        if is_sampled {
            self.log_drops();
        }
    }

    /// Logs how many there were in all, unless that is known.
    pub(super) fn log_drops(&mut self) {
        if self.drops.count == self.drops.logged {
            return;
        }
        self.drops.logged = self.drops.count;
        tracing::warn!(
            client_id = self.client_id.as_str(),
            identity = self.permit.identity().as_str(),
            topic = self.drops.latest_topic,
            limit = self.drops.limit,
            dropped = self.drops.count,
            "messages are dropped: the client's queue is full"
        );
    }
}
