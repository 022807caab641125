//! The summary of a fleet, as text or JSON.

use std::fmt;

use serde::Serialize;

use super::record::{Counts, Latencies, Records};
use super::reporter::Outcome;

/// The results of all devices of a fleet.
#[derive(Clone, Debug, Default)]
pub(super) struct Summary {
    devices: u64,
    /// Devices that have had a session.
    were_online: u64,
    /// Devices in session at the end; `refused` and `lost` likewise.
    online: u64,
    refused: u64,
    lost: u64,
    sessions: u64,
    attempts: u64,
    counts: Counts,
    connect: Quantiles,
    acknowledge: Quantiles,
}

/// Quantiles of latencies, in milliseconds.
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
            summary.counts.add(&record.counts);
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

    /// Whether every device was in session at the end, and all its messages were acknowledged.
    pub(super) const fn is_success(&self) -> bool {
        self.online == self.devices
            && self.counts.acknowledged == self.counts.published
            && self.counts.no_room == 0
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
            counts,
            connect,
            acknowledge,
        } = self;
        let Counts { published, acknowledged, rejected, no_room, commands_handled } = counts;
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
            "unacknowledged": counts.unacknowledged(),
            "no_room": no_room,
            "commands_obeyed": commands_handled,
            "connect": connect,
            "acknowledge": acknowledge,
        })
        .to_string()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { published, acknowledged, rejected, no_room, commands_handled } = self.counts;
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
        row("  unacknowledged", self.counts.unacknowledged(), "")?;
        row("  not even queued", no_room, "for want of room in the device")?;
        row("commands obeyed", commands_handled, "")?;
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
