//! The command line: arguments, commands, and what is printed.
//!
//! No other module reads the clock, the environment or the terminal.

mod arguments;
mod command;
mod confirmation;
mod context;
mod escaped_json;
mod exit_code;
mod failure;
mod output;
mod passphrase;
mod spreadsheet;
mod table;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::{CommandFactory as _, FromArgMatches as _};
use device_identity::PrintableLines;
use ring::rand::SystemRandom;

use arguments::{Arguments, Command};
use context::Context;
use failure::Failure;

use crate::fleet::Fleet;
use crate::timestamp::Timestamp;

/// Runs `countersign-provision` with these arguments, the program's name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let parsed = Arguments::command().try_get_matches_from(arguments).and_then(|matches| {
        let command = matches.subcommand_name().unwrap_or_default().to_owned();
        Ok((command, Arguments::from_arg_matches(&matches)?))
    });
    let (command, arguments) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return report_usage(&error),
    };
    let context = Context {
        command,
        fleet: Fleet::at(fleet_directory(arguments.fleet, std::env::var_os("COUNTERSIGN_FLEET"))),
        lock_timeout: Duration::from_secs(arguments.lock_timeout),
        now: Timestamp::from_system_time(SystemTime::now()),
        rng: SystemRandom::new(),
    };
    match run(arguments.command, &context) {
        Ok(()) => ExitCode::from(exit_code::DONE),
        Err(failure) => failure.report(),
    }
}

/// The fleet directory: as the command line has it, or else `variable`. An empty variable is as good as none, which
/// clap's `env` takes for a directory without a name.
fn fleet_directory(argument: Option<PathBuf>, variable: Option<OsString>) -> PathBuf {
    let variable = || variable.filter(|directory| !directory.is_empty()).map(PathBuf::from);
    argument.or_else(variable).unwrap_or_else(|| PathBuf::from("./fleet"))
}

fn run(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Init(arguments) => command::init::run(arguments, context),
        Command::Issue(arguments) => command::issue::run(arguments, context),
        Command::Sign(arguments) => command::sign::run(arguments, context),
        Command::Service(arguments) => command::service::run(arguments, context),
        Command::BrokerCert(arguments) => command::broker_cert::run(arguments, context),
        Command::Revoke(arguments) => command::revocation::revoke(arguments, context),
        Command::Suspend(arguments) => command::revocation::suspend(arguments, context),
        Command::Resume(arguments) => command::revocation::resume(arguments, context),
        Command::Crl(arguments) => command::crl::run(arguments, context),
        Command::Clock(arguments) => command::clock::run(arguments, context),
        Command::List(arguments) => command::list::run(arguments, context),
        Command::Show(arguments) => command::show::run(arguments, context),
        Command::Inspect(arguments) => command::inspect::run(arguments),
        Command::Lint(arguments) => command::lint::run(arguments),
        Command::Reconcile(arguments) => command::reconcile::run(arguments, context),
        Command::Backup(arguments) => command::backup::back_up(arguments, context),
        Command::Restore(arguments) => command::backup::restore(arguments, context),
        Command::ExportBroker(arguments) => command::export_broker::run(arguments, context),
        Command::Convert(arguments) => command::convert::run(arguments, context),
        Command::Ca(arguments) => command::ca::run(arguments, context),
        Command::Cert(arguments) => command::cert::run(arguments, context),
        Command::Completions(arguments) => command::completions::run(arguments),
    }
}

/// Prints what clap reports: help and version on standard output, errors on standard error in this program's form.
fn report_usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // A closed standard output cannot be reported anywhere.
        let _ = error.print();
        return ExitCode::from(exit_code::DONE);
    }
    let text = error.to_string();
    let text = text.replace("For more information, try '--help'.", "help: try --help");
    // Standard error that is closed cannot be told of.
    let _ = writeln!(io::stderr().lock(), "{}", PrintableLines(text.trim_end()));
    ExitCode::from(exit_code::USAGE)
}
