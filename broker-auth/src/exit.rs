//! How a command ends: what it prints, and its exit code.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

/// Exit code: failed (I/O, no broker at the socket).
pub(crate) const FAILED: u8 = 1;
/// Exit code: wrong use of the command line.
pub(crate) const USAGE: u8 = 2;
/// Exit code: a file, certificate or configuration was refused.
pub(crate) const INPUT_REFUSED: u8 = 3;
/// Exit code: no such session.
pub(crate) const UNKNOWN: u8 = 4;
/// Exit code: there are several.
pub(crate) const CONFLICT: u8 = 5;
/// Exit code: denied, or found wanting.
pub(crate) const DENIED: u8 = 6;

/// Writes `text` to stdout. A reader that went away, as with `| head`, is no failure.
pub(crate) fn print(text: &str) -> ExitCode {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(FAILED),
    }
}

/// Writes `value` to stdout as one JSON document.
pub(crate) fn print_json(value: &impl serde::Serialize) -> ExitCode {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print(&(text + "\n")),
        Err(error) => fail(FAILED, error, "report this as a bug"),
    }
}

/// Writes a `warning:` line to stderr for each.
pub(crate) fn warn(warnings: &[impl fmt::Display]) {
    let mut stderr = std::io::stderr().lock();
    for warning in warnings {
        // Nothing can be done about a closed stderr.
        let _ = writeln!(stderr, "warning: {warning}");
    }
}

/// Writes `error: what` and `help: what to do` to stderr, and returns the exit code.
pub(crate) fn fail(code: u8, what: impl fmt::Display, help: impl fmt::Display) -> ExitCode {
    // Nothing can be done about a closed stderr.
    let _ = write!(std::io::stderr().lock(), "error: {what}\nhelp: {help}\n");
    ExitCode::from(code)
}
