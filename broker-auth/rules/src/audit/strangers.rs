//! [`Strangers`]: refused strangers, summed by network and reason, so that a flood of them is no flood of messages.

use std::collections::HashMap;
use std::time::Duration;

use authenticator::policy::OWN_LEVEL;
use serde_json::json;

use super::event::Stranger;

/// Networks and reasons that are told apart between two summaries.
const MAX_SUMS: usize = 1_024;

/// Strangers since the last summary.
#[derive(Debug, Default)]
pub struct Strangers(HashMap<Stranger, u64>);

impl Strangers {
    /// How often they are told of.
    pub const SUMMARY_INTERVAL: Duration = Duration::from_secs(10);

    /// One more.
    pub fn count(&mut self, stranger: Stranger) {
        // Beyond, networks are not told apart.
        let is_known = self.0.len() < MAX_SUMS || self.0.contains_key(&stranger);
        let network = stranger.network.filter(|_| is_known);
        *self.0.entry(Stranger { network, ..stranger }).or_default() += 1;
    }

    /// Topics and payloads (a JSON object each) that tell of them, under `countersign/events/-/-/refused`; then they are
    /// forgotten.
    pub fn drain(&mut self) -> impl Iterator<Item = (String, Vec<u8>)> {
        self.0.drain().map(|(Stranger { network, reason }, count)| {
            let payload = json!({
                "event": "refused",
                "network": network.map(|network| network.to_string()),
                "reason": reason.as_str(),
                "count": count,
                "seconds": Self::SUMMARY_INTERVAL.as_secs(),
            });
            (format!("{OWN_LEVEL}/events/-/-/refused"), payload.to_string().into_bytes())
        })
    }
}
