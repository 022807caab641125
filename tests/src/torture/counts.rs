//! What was sent and what came back, counted.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

/// What was sent and what came back, counted by kind.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    sent: BTreeMap<String, u64>,
    heard: BTreeMap<String, u64>,
}

impl Tally {
    pub(super) fn sent(&mut self, kind: &str) {
        *self.sent.entry(kind.to_owned()).or_default() += 1;
    }

    pub(super) fn heard(&mut self, kind: String) {
        *self.heard.entry(kind).or_default() += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (mine, theirs) in [(&mut self.sent, &other.sent), (&mut self.heard, &other.heard)] {
            for (kind, count) in theirs {
                *mine.entry(kind.clone()).or_default() += count;
            }
        }
    }

    /// How many packets were sent.
    pub fn packets(&self) -> u64 {
        self.sent.values().sum()
    }

    /// How many kinds of packets were sent.
    pub fn kinds(&self) -> usize {
        self.sent.len()
    }

    /// As a JSON document.
    pub fn json(&self) -> Value {
        json!({ "sent": self.sent, "heard": self.heard })
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.packets();
        for (title, counts) in [(format!("sent ({total})"), &self.sent), ("heard".to_owned(), &self.heard)] {
            writeln!(f, "{title}")?;
            for (kind, count) in counts {
                writeln!(f, "  {count:>9}  {kind}")?;
            }
        }
        Ok(())
    }
}
