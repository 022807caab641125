//! [`Failure`]: what went wrong, what to do about it, and the exit code. Errors become text for a person here and
//! nowhere else.

mod adoption;
mod backup;
mod ca;
mod clock;
mod convert;
mod export;
mod fleet;
mod inspect;
mod io;
mod issuance;
mod lint;
mod mount;
mod order;
mod passphrase;
mod placement;
mod reconcile;
mod revocation;
mod sqlite;

use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use device_identity::PrintableLines;

use super::exit_code::{DONE, FAILED, USAGE};

/// What went wrong, and what to do about it.
#[derive(Debug)]
pub(super) struct Failure {
    exit_code: u8,
    what: String,
    help: String,
    /// Nobody reads the output any more, and that is all.
    is_reader_gone: bool,
}

const FAULT_HELP: &str = "this is a fault in countersign-provision; nothing was changed, please report it";

impl Failure {
    fn new(exit_code: u8, what: impl ToString, help: impl Into<String>) -> Self {
        Self { exit_code, what: what.to_string(), help: help.into(), is_reader_gone: false }
    }

    /// Standard output cannot be written. That whoever read it has seen enough, as `head` has, is no error.
    pub(super) fn output(error: &std::io::Error) -> Self {
        let what = format!("cannot write the output: {error}");
        let is_reader_gone = error.kind() == std::io::ErrorKind::BrokenPipe;
        Self { is_reader_gone, ..Self::new(FAILED, what, "the command itself was carried out") }
    }

    /// A path that names no file.
    pub(super) fn no_file_name(path: &Path) -> Self {
        Self::new(USAGE, format!("{} names no file", path.display()), "give the path of a file to write")
    }

    /// Prints the failure and gives the exit code.
    pub(super) fn report(&self) -> ExitCode {
        if self.is_reader_gone {
            return ExitCode::from(DONE);
        }
        // Standard error that is closed cannot be told of.
        let _ = writeln!(std::io::stderr().lock(), "error: {self}");
        ExitCode::from(self.exit_code)
    }
}

/// What went wrong and what to do about it, for a warning.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nhelp: {}", PrintableLines(&self.what), PrintableLines(&self.help))
    }
}
