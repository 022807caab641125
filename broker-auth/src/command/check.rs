//! `check`
use std::process::ExitCode;

use crate::args::CheckArgs;
use crate::cli;

pub(crate) fn run(_args: &CheckArgs) -> ExitCode {
    cli::fail(cli::FAILED, "not built yet", "wait")
}
