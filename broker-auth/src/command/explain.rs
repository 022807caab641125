//! `explain`
use std::process::ExitCode;

use crate::args::ExplainArgs;
use crate::cli;

pub(crate) fn run(_args: &ExplainArgs) -> ExitCode {
    cli::fail(cli::FAILED, "not built yet", "wait")
}
