//! `check`: everything a configuration names, loaded as `run` would load it.

mod fault;
mod findings;
mod legacy_leaves;
mod mosquitto;
mod second_factors;
mod text;

use std::process::ExitCode;

use crate::args::CheckArgs;
use crate::config::Config;
use crate::exit;

use findings::Findings;

pub(crate) fn run(args: &CheckArgs) -> ExitCode {
    if let Some(mosquitto) = &args.mosquitto {
        return mosquitto::run(args, mosquitto);
    }
    let config = match Config::load(&args.config.file()) {
        Ok(config) => config,
        Err(error) => return exit::fail(exit::INPUT_REFUSED, &error, error.fault.help()),
    };
    let (mut findings, errors) = Findings::of(&config);
    legacy_leaves::count(&config, &mut findings.listeners);
    let mut code = if args.json { exit::print_json(&findings) } else { exit::print(&text::of(&findings)) };
    code = exit::stale(findings.stale_lists(), code);
    for (error, help) in errors {
        code = exit::fail(exit::INPUT_REFUSED, error, help);
    }
    code
}
