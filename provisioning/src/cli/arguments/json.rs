//! [`Json`]: whether to print one JSON document.

use clap::Args;

#[derive(Debug, Args)]
pub(in crate::cli) struct Json {
    /// Print one JSON document.
    #[arg(long = "json")]
    pub(in crate::cli) requested: bool,
}
