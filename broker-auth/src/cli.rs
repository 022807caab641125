//! From the command line to an exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::args::{Cli, ClockCommand, Command};
use crate::command;
use crate::exit::{USAGE, fail, print};

/// Runs the command in `args`, the program's name first.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, with exit code 0. Nothing can be done about a closed stderr.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE));
        }
    };
    if let Some(config) = cli.command.config_mut()
        && let Err(error) = config.or_fleet(std::env::var_os("COUNTERSIGN_FLEET"))
    {
        return fail(
            USAGE,
            error,
            "name the fleet directory with --fleet DIR or in COUNTERSIGN_FLEET, or the configuration with --config FILE",
        );
    }
    match &cli.command {
        Command::Check(args) => command::check::run(args),
        Command::Explain(args) => command::explain::run(args),
        Command::Completions(args) => {
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut Cli::command(), "countersign-broker", &mut script);
            print(&String::from_utf8_lossy(&script))
        }
        Command::Run(args) => command::run::run(args),
        Command::Sessions(args) => command::operate::sessions(args),
        Command::Kick(args) => command::operate::kick(args),
        Command::Status(args) => command::operate::status(args),
        Command::Reload(args) => command::operate::reload(args),
        Command::Passwd(args) => command::passwd::run(args),
        Command::Clock(args) => match &args.command {
            ClockCommand::Accept(args) => command::operate::accept_time(args),
        },
    }
}
