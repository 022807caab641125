//! Where the lines go.

use std::io;

use broker_rules::audit::Lines;
use tracing_subscriber::EnvFilter;

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// What is logged unless `RUST_LOG` says otherwise: of the embedded router only its failures, since it sees none of
/// the names an operator knows.
const DEFAULT_FILTER: &str = "info,rumqttd=error";

/// A log that is being written. Dropping it waits for the last lines, but not for ever.
#[derive(Debug)]
pub(crate) struct Log(Lines);

/// Tells how many lines of a log found no way out.
#[derive(Clone, Debug)]
pub(crate) struct LostLines(Option<Lines>);

impl Log {
    /// Sends log lines to stderr: stdout belongs to the results of commands. `RUST_LOG` narrows or widens them. Only the
    /// first log of a process gets any.
    pub(crate) fn start(format: LogFormat) -> io::Result<Self> {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
        let lines = Lines::to(io::stderr(), |lost| {
            tracing::error!(lost, "log lines were lost: they could not be written, or not fast enough");
        })?;
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            // It would complain on stderr, and panic where that is the trouble.
            .log_internal_errors(false)
            .with_writer(move || writer.clone());
        let started = match format {
            LogFormat::Text => {
                let colour = io::IsTerminal::is_terminal(&io::stderr());
                subscriber.with_ansi(colour).with_target(false).try_init()
            }
            LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
        };
        if started.is_err() {
            tracing::debug!("logging was started before");
        }
        Ok(Self(lines))
    }

    /// To ask for lost lines.
    pub(crate) fn lost(&self) -> LostLines {
        LostLines(Some(self.0.clone()))
    }
}

impl LostLines {
    /// Of a broker that keeps no log.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// How many.
    pub(crate) fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, Lines::lost)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.0.finish();
    }
}
