//! [`Failure`]: what went wrong, what to do about it, and the exit code. Errors become text for a person here and
//! nowhere else.

mod adoption;
mod ca;
mod clock;
mod export;
mod fleet;
mod inspect;
mod io;
mod issuance;
mod lint;
mod mount;
mod order;
mod passphrase;
mod revocation;
mod sqlite;

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use super::exit_code::{FAILED, USAGE};

/// What went wrong, and what to do about it.
#[derive(Debug)]
pub(super) struct Failure {
    exit_code: u8,
    what: String,
    help: String,
}

const FAULT_HELP: &str = "this is a fault in countersign-provision; nothing was changed, please report it";

impl Failure {
    fn new(exit_code: u8, what: impl ToString, help: impl Into<String>) -> Self {
        Self { exit_code, what: what.to_string(), help: help.into() }
    }

    /// Standard output cannot be written, for instance because it is closed.
    pub(super) fn output(error: &std::io::Error) -> Self {
        Self::new(FAILED, format!("cannot write the output: {error}"), "the command itself was carried out")
    }

    /// A path that names no file.
    pub(super) fn no_file_name(path: &Path) -> Self {
        Self::new(USAGE, format!("{} names no file", path.display()), "give the path of a file to write")
    }

    /// Prints the failure and gives the exit code.
    pub(super) fn report(&self) -> ExitCode {
        eprintln!("error: {self}");
        ExitCode::from(self.exit_code)
    }
}

/// What went wrong and what to do about it, for a warning.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nhelp: {}", self.what, self.help)
    }
}
