//! A line on stdout for each event, and a progress line on stderr if that is a terminal.

use std::fmt::{self, Display};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign_agent::device::Change;
use countersign_agent::session::State;
use device_identity::DeviceId;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// The state of a device as an operator of the fleet sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The first attempt to connect has not ended.
    Pending,
    /// The device is in session.
    Online,
    /// The device has no session, and will try again soon.
    Lost,
    /// The broker has refused the device.
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

/// Prints the events of a fleet.
pub(super) struct Reporter {
    json: bool,
    device_log: bool,
    progress: ProgressBar,
    stdout_is_gone: AtomicBool,
}

/// A JSON line; fields that do not apply are left out.
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

impl Reporter {
    pub(super) fn new(json: bool, device_log: bool, devices: usize) -> Self {
        // The progress bar draws on a terminal only.
        let progress = ProgressBar::new(u64::try_from(devices).unwrap_or(u64::MAX));
        if let Ok(style) = ProgressStyle::with_template("{pos} of {len} devices online, {elapsed}") {
            progress.set_style(style);
        }
        Self { json, device_log, progress, stdout_is_gone: AtomicBool::new(false) }
    }

    /// Prints a line on stdout, by one write: what others write there does not come between.
    pub(super) fn line(&self, line: &dyn Display) {
        let line = format!("{line}\n");
        self.progress.suspend(|| {
            let mut stdout = io::stdout().lock();
            // A closed stdout, as with `| head`, does not stop the devices. It is said, once.
            if let Err(error) = stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush())
                && !self.stdout_is_gone.swap(true, Ordering::Relaxed)
            {
                let text = format!("warning: stdout cannot be written, the devices go on: {error}\n");
                // A closed stderr leaves nowhere to report to.
                let _ = io::stderr().lock().write_all(text.as_bytes());
            }
        });
    }

    /// The agent of a device has changed its state.
    pub(super) fn state_changed(&self, device: &DeviceId, change: &Change<'_>) {
        if !self.device_log {
            return;
        }
        let detail = CauseAndWait(change).to_string();
        self.print(
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

    /// The outcome of a device has changed; `took` is the time since the attempt to connect began.
    pub(super) fn outcome_changed(
        &self,
        device: &DeviceId,
        outcome: Outcome,
        change: &Change<'_>,
        took: Duration,
    ) {
        if self.device_log && !self.json {
            // The line of the state has just said the same.
            return;
        }
        let detail = match change.state {
            State::Online => format!("after {} ms", took.as_millis()),
            _ => CauseAndWait(change).to_string(),
        };
        self.print(
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

    /// A device has handled a command.
    pub(super) fn command(&self, device: &DeviceId, command_id: &str, payload: &[u8]) {
        if !self.device_log {
            return;
        }
        let detail = String::from_utf8_lossy(payload);
        self.print(
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

    /// One more device is online, or one less.
    pub(super) fn count_online(&self, is_online: bool) {
        if is_online { self.progress.inc(1) } else { self.progress.dec(1) }
    }

    /// Removes the progress line.
    pub(super) fn finish(&self) {
        self.progress.finish_and_clear();
    }

    fn print(&self, entry: &Entry<'_>, text: fmt::Arguments<'_>) {
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

/// Why a state was left, and after which wait the device tries again.
struct CauseAndWait<'c, 'e>(&'c Change<'e>);

impl Display for CauseAndWait<'_, '_> {
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
