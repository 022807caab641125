//! The arguments of `clock`, and [`ClockConsent`] of every command that makes certificates.

use clap::{Args, Subcommand};

use crate::timestamp::Timestamp;

/// What this machine's clock is compared with.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, after a clock was wrong and is right again:
  countersign-provision clock accept --now 2026-11-30T09:15:00Z")]
pub(in crate::cli) struct Clock {
    #[command(subcommand)]
    pub(in crate::cli) action: ClockAction,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ClockAction {
    /// Say what time it is, after a clock was ahead once: what was seen later than that is not believed any more.
    Accept(ClockAccept),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign-provision clock accept --now 2026-11-30T09:15:00Z")]
pub(in crate::cli) struct ClockAccept {
    /// The time it is, as RFC 3339 writes it, by a watch that is right.
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) now: Timestamp,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ClockConsent {
    /// This machine's clock is right, even if it is more than thirty days after the last act.
    #[arg(long)]
    pub(in crate::cli) yes: bool,
}
