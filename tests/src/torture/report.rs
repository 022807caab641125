//! What to run, and what is told of it.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::counts::Tally;
use super::observer::Testimony;
use super::traces::Usage;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What chance starts from.
    pub seed: u64,
    /// How many packets to send, by all clients together.
    pub packets: u64,
    /// How long to go on sending, however few they are.
    pub at_most: Duration,
    /// How many clients.
    pub clients: usize,
}

impl Plan {
    /// The command that does this again.
    pub fn command(&self) -> String {
        format!(
            "cargo bench -p integration-tests --bench torture -- --seed {} --packets {} --clients {}",
            self.seed, self.packets, self.clients
        )
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// `rehearsal` or `play`.
    pub act: &'static str,
    /// Packets sent in it.
    pub packets: u64,
    /// How long it has been going on.
    pub elapsed: Duration,
    /// Bytes of memory that the broker has at the moment.
    pub resident: u64,
}

/// What a run that went well has to tell.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was run.
    pub plan: Plan,
    /// What was sent and heard.
    pub tally: Tally,
    /// What the witnesses saw, pair by pair.
    pub witnesses: Vec<Testimony>,
    /// What the broker used after the rehearsal, and after the play.
    pub usage: [Usage; 2],
    /// The broker's own counters.
    pub counters: Value,
    /// How long rehearsal and play took.
    pub elapsed: Duration,
}

impl Report {
    /// As a JSON document.
    pub fn json(&self) -> Value {
        let witnesses: Vec<Value> = self
            .witnesses
            .iter()
            .map(|seen| json!({ "messages": seen.messages, "slowest_burst_ms": seen.slowest.as_millis() as u64 }))
            .collect();
        json!({
            "seed": self.plan.seed,
            "packets": self.tally.packets(),
            "clients": self.plan.clients,
            "seconds": self.elapsed.as_secs_f64(),
            "tally": self.tally.json(),
            "witnesses": witnesses,
            "usage_after_rehearsal": self.usage[0].json(),
            "usage_after_play": self.usage[1].json(),
            "broker_counters": self.counters,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.tally)?;
        for seen in &self.witnesses {
            writeln!(
                f,
                "witnesses: {} messages, slowest burst {} ms",
                seen.messages,
                seen.slowest.as_millis()
            )?;
        }
        let [before, after] = self.usage;
        writeln!(
            f,
            "broker: {} -> {} MiB resident, {} -> {} files, {} -> {} threads",
            before.resident >> 20,
            after.resident >> 20,
            before.descriptors,
            after.descriptors,
            before.threads,
            after.threads
        )?;
        let seconds = self.elapsed.as_secs_f64();
        writeln!(f, "{} packets in {seconds:.0} s, seed {}", self.tally.packets(), self.plan.seed)
    }
}

/// What went wrong, and how to see it again.
#[derive(Clone, Debug)]
pub struct Failure {
    pub(super) plan: Plan,
    pub(super) what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {}\nagain: {}", self.plan.seed, self.what, self.plan.command())
    }
}
