//! [`Completions`]: the arguments of `completions`.

use clap::Args;

/// Print a completion script.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign-provision completions bash > /etc/bash_completion.d/countersign-provision")]
pub(in crate::cli) struct Completions {
    /// The shell.
    pub(in crate::cli) shell: clap_complete::Shell,
}
