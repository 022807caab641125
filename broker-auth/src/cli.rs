//! From the command line to an exit code.

use std::ffi::OsString;
use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::args::{Cli, Command};
use crate::command;

/// Exit code: failed (I/O, no broker at the socket).
pub const FAILED: u8 = 1;
/// Exit code: wrong use of the command line.
pub const USAGE: u8 = 2;
/// Exit code: a file, certificate or configuration was refused.
pub const INPUT_REFUSED: u8 = 3;
/// Exit code: no such session.
pub const UNKNOWN: u8 = 4;
/// Exit code: denied, or found wanting.
pub const DENIED: u8 = 6;

/// Runs the command in `args`, the program's name first.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, with exit code 0. Nothing can be done about a closed stderr.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE));
        }
    };
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
    }
}

/// Writes `text` to stdout. A reader that went away, as with `| head`, is no failure.
pub fn print(text: &str) -> ExitCode {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(FAILED),
    }
}

/// Writes `value` to stdout as one JSON document.
pub fn print_json(value: &impl serde::Serialize) -> ExitCode {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print(&(text + "\n")),
        Err(error) => fail(FAILED, error, "report this as a bug"),
    }
}

/// Writes `error: what` and `help: what to do` to stderr, and returns the exit code.
pub fn fail(code: u8, what: impl fmt::Display, help: impl fmt::Display) -> ExitCode {
    // Nothing can be done about a closed stderr.
    let _ = write!(std::io::stderr().lock(), "error: {what}\nhelp: {help}\n");
    ExitCode::from(code)
}
