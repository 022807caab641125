//! What the demo says while it happens. Colour on a terminal only.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

/// The terminal, or whatever stdout is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    colour: bool,
}

/// How a word is set off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// A heading.
    Strong,
    /// Less important.
    Faint,
}

impl Screen {
    /// Colours if stdout is a terminal and `NO_COLOR` is not set.
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

    /// A line.
    pub(super) fn say(self, line: impl Display) {
        self.write(format_args!("{line}\n"));
    }

    /// The start of a step: what is being done.
    pub(super) fn begin(self, what: &str) {
        self.write(format_args!("  {what:<64} "));
    }

    /// The end of a step that went as it should.
    pub(super) fn done(self, took: Duration) {
        let ok = self.styled(Style::Good, "ok");
        let took = self.styled(Style::Faint, &format!("{:>7} ms", took.as_millis()));
        self.write(format_args!("{ok} {took}\n"));
    }

    /// The end of a step that did not.
    pub(super) fn failed(self) {
        let failed = self.styled(Style::Bad, "FAILED");
        self.write(format_args!("{failed}\n"));
    }

    /// The end of the demo, before its time.
    pub(super) fn fail(self, error: &dyn Display, help: &str) -> ExitCode {
        // Nobody is left to tell if stderr is closed.
        let _ = writeln!(io::stderr(), "\nerror: {error}\nhelp: {help}");
        ExitCode::FAILURE
    }

    fn write(self, text: std::fmt::Arguments<'_>) {
        let mut stdout = io::stdout().lock();
        // A reader that went away, as with `| head`, does not change what happens.
        let _ = stdout.write_fmt(text).and_then(|()| stdout.flush());
    }
}
