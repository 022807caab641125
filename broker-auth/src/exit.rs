//! How a command ends: what it prints, and its exit code.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use rustls_pki_types::UnixTime;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

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

/// The exit code of a command that would end with `code`, but for these revocation lists that are stale: each is its
/// issuer, and when it was due to be replaced.
pub(crate) fn stale<'a>(lists: impl Iterator<Item = (&'a str, &'a str)>, code: ExitCode) -> ExitCode {
    let mut code = code;
    for (issuer, due) in lists {
        let what =
            format_args!("the revocation list of {issuer} is stale: it was due to be replaced at {due}");
        let denied = fail(DENIED, what, "have the CA sign a fresh list: countersign-provision crl");
        code = if code == ExitCode::SUCCESS { denied } else { code };
    }
    code
}

/// Writes a `warning:` line to stderr for each.
pub(crate) fn warn(warnings: &[impl fmt::Display]) {
    let mut stderr = std::io::stderr().lock();
    for warning in warnings {
        // Nothing can be done about a closed stderr.
        let _ = stderr.write_all(format!("warning: {warning}\n").as_bytes());
    }
}

/// Reads a time that was given with `option`: RFC 3339, or seconds since 1970.
pub(crate) fn parse_time(option: &str, text: &str) -> Result<UnixTime, ExitCode> {
    let seconds = text.parse::<u64>().ok().or_else(|| {
        let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        u64::try_from(time.unix_timestamp()).ok()
    });
    seconds.map(|seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds))).ok_or_else(|| {
        fail(
            USAGE,
            format_args!("{option} {text:?} is no time"),
            "write it as 2030-01-31T12:00:00Z, or as seconds since 1970",
        )
    })
}

/// Writes `error: what` and `help: what to do` to stderr, and returns the exit code.
pub(crate) fn fail(code: u8, what: impl fmt::Display, help: impl fmt::Display) -> ExitCode {
    // Nothing can be done about a closed stderr.
    let _ = std::io::stderr().lock().write_all(format!("error: {what}\nhelp: {help}\n").as_bytes());
    ExitCode::from(code)
}
