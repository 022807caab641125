//! What is said while it happens: lines on stdout, and on a terminal's stderr how far it is.

use std::fmt::{self, Display};
use std::io::{self, Write};
use std::time::Duration;

use countersign_agent::device::Change;
use countersign_agent::session::State;
use device_identity::DeviceId;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// Where a device stands, as far as a fleet's operator is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Its first attempt has not ended.
    Pending,
    /// In session with the broker.
    Online,
    /// Without a session; it tries again soon.
    Lost,
    /// The broker does not want it.
    Refused,
}

impl Outcome {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Online => "online",
            Self::Lost => "lost",
            Self::Refused => "refused",
        }
    }
}

/// All that is said.
pub(super) struct Voice {
    json: bool,
    device_log: bool,
    progress: ProgressBar,
}

/// A JSON line; what does not apply is left out.
#[derive(Default, Serialize)]
struct Entry<'a> {
    event: &'static str,
    device_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    command_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_in_ms: Option<u64>,
}

impl Voice {
    pub(super) fn new(json: bool, device_log: bool, devices: usize) -> Self {
        // It shows itself on a terminal only.
        let progress = ProgressBar::new(u64::try_from(devices).unwrap_or(u64::MAX));
        if let Ok(style) = ProgressStyle::with_template("{pos} of {len} devices online, {elapsed}") {
            progress.set_style(style);
        }
        Self { json, device_log, progress }
    }

    /// A line on stdout.
    pub(super) fn line(&self, line: &dyn Display) {
        self.progress.suspend(|| {
            let mut stdout = io::stdout().lock();
            // A reader that went away, as with `| head`, does not change what happens.
            let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
        });
    }

    /// A device has changed its state.
    pub(super) fn state(&self, device: &DeviceId, change: &Change<'_>) {
        if !self.device_log {
            return;
        }
        let detail = Because(change).to_string();
        self.say(
            &Entry {
                event: "state",
                device_id: device.as_str(),
                state: Some(change.state.as_str()),
                cause: change.cause().map(|cause| cause.as_str()),
                detail: &detail,
                retry_in_ms: change.wait.map(millis),
                ..Entry::default()
            },
            format_args!("{device}  {:10}  {detail}", change.state),
        );
    }

    /// What came of a device is another thing than before.
    pub(super) fn outcome(&self, device: &DeviceId, outcome: Outcome, change: &Change<'_>, took: Duration) {
        if self.device_log && !self.json {
            // The same has just been said.
            return;
        }
        let detail = match change.state {
            State::Online => format!("after {} ms", took.as_millis()),
            _ => Because(change).to_string(),
        };
        self.say(
            &Entry {
                event: "outcome",
                device_id: device.as_str(),
                outcome: Some(outcome.as_str()),
                cause: change.cause().map(|cause| cause.as_str()),
                detail: &detail,
                retry_in_ms: change.wait.map(millis),
                ..Entry::default()
            },
            format_args!("{device}  {:10}  {detail}", outcome.as_str()),
        );
    }

    /// A device has done what it was told.
    pub(super) fn obeyed(&self, device: &DeviceId, command_id: &str, payload: &[u8]) {
        if !self.device_log {
            return;
        }
        let detail = String::from_utf8_lossy(payload);
        self.say(
            &Entry {
                event: "command",
                device_id: device.as_str(),
                command_id: Some(command_id),
                detail: &detail,
                ..Entry::default()
            },
            format_args!("{device}  {:10}  {command_id}: {}", "command", detail.escape_debug()),
        );
    }

    /// So many more devices are online, or fewer.
    pub(super) fn online(&self, more: bool) {
        if more { self.progress.inc(1) } else { self.progress.dec(1) }
    }

    /// Nothing is under way any more.
    pub(super) fn over(&self) {
        self.progress.finish_and_clear();
    }

    fn say(&self, entry: &Entry<'_>, text: fmt::Arguments<'_>) {
        if self.json {
            self.line(&serde_json::to_string(entry).unwrap_or_default());
        } else {
            self.line(&text);
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Why a state was left, and for how long.
struct Because<'c, 'e>(&'c Change<'e>);

impl Display for Because<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(cause) = self.0.cause() {
            write!(f, "{cause}")?;
        }
        match self.0.wait {
            Some(wait) => write!(f, "; next try in {wait:.1?}"),
            None => Ok(()),
        }
    }
}
