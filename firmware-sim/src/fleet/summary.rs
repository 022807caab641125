//! How it went.

use std::fmt;

use serde::Serialize;

use super::record::{Latencies, Records, Tally};
use super::voice::Outcome;

/// Figures of a whole fleet.
#[derive(Clone, Debug, Default)]
pub(super) struct Summary {
    devices: u64,
    /// Those that have had a session.
    were_online: u64,
    /// Where they stood at the end.
    online: u64,
    refused: u64,
    lost: u64,
    sessions: u64,
    attempts: u64,
    tally: Tally,
    connect: Quantiles,
    acknowledge: Quantiles,
}

/// Milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Quantiles {
    count: u64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

impl Quantiles {
    fn of(latencies: &Latencies) -> Self {
        let [p50_ms, p99_ms, max_ms] = [0.5, 0.99, 1.0].map(|share| latencies.quantile_ms(share));
        Self { count: latencies.count(), p50_ms, p99_ms, max_ms }
    }
}

impl Summary {
    pub(super) fn of(threads: &[Records]) -> Self {
        let mut summary = Self::default();
        for record in threads.iter().flat_map(|thread| &thread.devices) {
            summary.devices += 1;
            summary.were_online += u64::from(record.sessions > 0);
            match record.outcome {
                Outcome::Online => summary.online += 1,
                Outcome::Refused => summary.refused += 1,
                Outcome::Lost | Outcome::Pending => summary.lost += 1,
            }
            summary.sessions += record.sessions;
            summary.attempts += record.attempts;
            summary.tally.add(&record.tally);
        }
        let merged = |of: fn(&Records) -> &Latencies| {
            let mut latencies = threads.iter().map(of);
            let mut all = latencies.next()?.clone();
            latencies.for_each(|others| all.merge(others));
            Some(Quantiles::of(&all))
        };
        summary.connect = merged(|thread| &thread.connect).unwrap_or_default();
        summary.acknowledge = merged(|thread| &thread.acknowledge).unwrap_or_default();
        summary
    }

    /// Whether every device was in session at the end, and the broker has all they had to say.
    pub(super) const fn is_good(&self) -> bool {
        self.online == self.devices
            && self.tally.acknowledged == self.tally.published
            && self.tally.no_room == 0
    }

    /// One JSON document.
    pub(super) fn json(&self) -> String {
        let Self {
            devices,
            were_online,
            online,
            refused,
            lost,
            sessions,
            attempts,
            tally,
            connect,
            acknowledge,
        } = self;
        let Tally { published, acknowledged, rejected, no_room, obeyed } = tally;
        serde_json::json!({
            "event": "summary",
            "devices": devices,
            "were_online": were_online,
            "online": online,
            "refused": refused,
            "lost": lost,
            "attempts": attempts,
            "sessions": sessions,
            "published": published,
            "acknowledged": acknowledged,
            "rejected": rejected,
            "unacknowledged": tally.left(),
            "no_room": no_room,
            "commands_obeyed": obeyed,
            "connect": connect,
            "acknowledge": acknowledge,
        })
        .to_string()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { published, acknowledged, rejected, no_room, obeyed } = self.tally;
        let mut row = |what: &str, figure: u64, remark: &str| writeln!(f, "{what:<24}{figure:>10}  {remark}");
        row("devices", self.devices, "")?;
        row("  online at the end", self.online, "")?;
        row("  refused", self.refused, "")?;
        row("  without a session", self.lost, "")?;
        row("attempts to connect", self.attempts, "")?;
        row("sessions", self.sessions, "")?;
        row("messages", published, "with QoS 1")?;
        row("  acknowledged", acknowledged, "")?;
        row("  rejected", rejected, "by the broker")?;
        row("  unacknowledged", self.tally.left(), "")?;
        row("  not even queued", no_room, "for want of room in the device")?;
        row("commands obeyed", obeyed, "")?;
        writeln!(f)?;
        writeln!(f, "{:<24}{:>10}{:>10}{:>10}", "milliseconds", "median", "99 %", "longest")?;
        for (index, (what, quantiles)) in
            [("to connect", self.connect), ("to be acknowledged", self.acknowledge)].into_iter().enumerate()
        {
            let Quantiles { p50_ms, p99_ms, max_ms, .. } = quantiles;
            let end = if index == 0 { "\n" } else { "" };
            write!(f, "{what:<24}{p50_ms:>10.1}{p99_ms:>10.1}{max_ms:>10.1}{end}")?;
        }
        Ok(())
    }
}
