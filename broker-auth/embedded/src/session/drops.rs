//! Messages that found no room in a client's queue: counted one by one, and logged so that the last line is the total.

use authenticator::policy::{ClientId, Permit};
use mqtt::Text;
use mqtt::count::Sampler;

use super::counters::Counters;
use super::queue_limits::Dropped;

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

impl Drops {
    /// A message for this topic is dropped. A sample is logged at once.
    pub(super) fn count(
        &mut self,
        counters: &Counters,
        topic: &Text,
        dropped: Dropped,
        client_id: &ClientId,
        permit: &Permit,
    ) {
        counters.dropped_queue_full.one();
        self.limit = match dropped {
            Dropped::Queue => "max-queued-messages or max-queued-bytes",
            Dropped::Memory => {
                counters.dropped_memory_full.one();
                "max-queued-bytes of all clients"
            }
        };
        self.count += 1;
        self.latest_topic.clear();
        self.latest_topic.push_str(topic);
        if self.sampler.sample().is_some() {
            self.log_total(client_id, permit);
        }
    }

    /// Logs how many there were in all, unless that is known.
    pub(super) fn log_total(&mut self, client_id: &ClientId, permit: &Permit) {
        if self.count == self.logged {
            return;
        }
        self.logged = self.count;
        tracing::warn!(
            client_id = client_id.as_str(),
            identity = permit.identity().name(),
            topic = self.latest_topic,
            limit = self.limit,
            dropped = self.count,
            "messages are dropped: the client's queue is full"
        );
    }
}
