//! The progress of the demo on stdout; in colour on a terminal only.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

/// Stdout, with or without colour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    colour: bool,
}

/// The style of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// An expected outcome.
    Good,
    /// An unexpected outcome.
    Bad,
    /// A heading.
    Strong,
    /// Something less important.
    Faint,
}

impl Screen {
    /// Uses colour if stdout is a terminal and `NO_COLOR` is not set.
    pub(super) fn new() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colour: io::stdout().is_terminal() && !unwanted }
    }

    /// `text` in `style`.
    pub(super) fn styled(self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Good => "32",
            Style::Bad => "31",
            Style::Strong => "1",
            Style::Faint => "2",
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Prints a line.
    pub(super) fn say(self, line: impl Display) {
        self.write(format_args!("{line}\n"));
    }

    /// Prints the start of a step: what is being done.
    pub(super) fn begin(self, what: &str) {
        self.write(format_args!("  {what:<64} "));
    }

    /// Prints the end of a step that succeeded.
    pub(super) fn done(self, took: Duration) {
        let ok = self.styled(Style::Good, "ok");
        let took = self.styled(Style::Faint, &format!("{:>7} ms", took.as_millis()));
        self.write(format_args!("{ok} {took}\n"));
    }

    /// Prints the end of a step that failed.
    pub(super) fn failed(self) {
        let failed = self.styled(Style::Bad, "FAILED");
        self.write(format_args!("{failed}\n"));
    }

    /// Prints why the demo ends early, on stderr.
    pub(super) fn fail(self, error: &dyn Display, help: &str) -> ExitCode {
        // A closed stderr leaves nowhere to report to.
        let _ = io::stderr().lock().write_all(format!("\nerror: {error}\nhelp: {help}\n").as_bytes());
        ExitCode::FAILURE
    }

    fn write(self, text: std::fmt::Arguments<'_>) {
        let mut stdout = io::stdout().lock();
        // A closed stdout, as with `| head`, does not end the demo.
        let _ = stdout.write_all(text.to_string().as_bytes()).and_then(|()| stdout.flush());
    }
}
