//! [`Consent`]: whether a change of many certificates is wanted.

use clap::Args;

#[derive(Debug, Args)]
pub(in crate::cli) struct Consent {
    /// Say what would be changed, and change nothing.
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,

    /// Change a whole work order without being asked.
    #[arg(long)]
    pub(in crate::cli) yes: bool,
}
