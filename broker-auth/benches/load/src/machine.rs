//! [`Machine`]: how busy the machine is, and how much of that is others' doing, as Linux counts it.

use std::fmt;
use std::fs;
use std::io;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use crate::usage::duration_of_ticks;

/// The machine at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    at: Instant,
    /// Since it was started: what programs have computed, and what the host took away.
    busy: Duration,
    stolen: Duration,
    /// Since this process was started: what it has computed, and those that it has waited for.
    own: Duration,
}

/// What others did between two moments, in processors.
#[derive(Clone, Copy, Debug)]
pub struct Disturbance {
    /// What other programs computed.
    pub others: f64,
    /// What a host gave to other machines.
    pub stolen: f64,
}

impl Machine {
    /// Now.
    pub fn now() -> io::Result<Self> {
        let stat = fs::read_to_string("/proc/stat")?;
        // proc(5): cpu user nice system idle iowait irq softirq steal …
        let ticks = numbers(stat.lines().next().unwrap_or_default());
        let tick = |index: usize| ticks.get(index).copied().unwrap_or_default();
        let own = fs::read_to_string("/proc/self/stat")?;
        // utime, stime, cutime and cstime are fields 14 to 17.
        let own = numbers(own.rsplit_once(')').map_or("", |(_, rest)| rest));
        Ok(Self {
            at: Instant::now(),
            busy: duration_of_ticks(tick(0) + tick(1) + tick(2)),
            stolen: duration_of_ticks(tick(7)),
            own: duration_of_ticks(own.iter().skip(10).take(4).sum()),
        })
    }

    /// What others did since then. Children that run still count among them: those that are measured must have ended.
    pub fn disturbance(&self) -> io::Result<Disturbance> {
        let now = Self::now()?;
        let elapsed = (now.at - self.at).as_secs_f64().max(f64::EPSILON);
        let own = now.own.saturating_sub(self.own);
        let others = now.busy.saturating_sub(self.busy).saturating_sub(own);
        let stolen = now.stolen.saturating_sub(self.stolen);
        Ok(Disturbance { others: others.as_secs_f64() / elapsed, stolen: stolen.as_secs_f64() / elapsed })
    }
}

/// How many processors there are.
pub fn processors() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// How many tasks wanted to run in the last minute, as Linux averages them.
pub fn load_average() -> io::Result<f64> {
    let text = fs::read_to_string("/proc/loadavg")?;
    let first = text.split_ascii_whitespace().next().and_then(|first| first.parse().ok());
    first.ok_or_else(|| io::Error::other("no load average"))
}

impl fmt::Display for Disturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "others took {:.2} processors, and the host {:.2}", self.others, self.stolen)
    }
}

/// The numbers in a line, from the first on.
fn numbers(line: &str) -> Vec<u64> {
    line.split_ascii_whitespace().filter_map(|field| field.parse().ok()).collect()
}
