//! The log on stderr: one line for every change of state and every fault, as text or JSON.

use std::io::Write;
use std::time::Duration;

use device_identity::DeviceId;
use serde::Serialize;

use super::mqtt::ConnectionEnd;
use crate::session::State;

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// The log of one device.
#[derive(Clone, Debug)]
pub struct Log {
    format: LogFormat,
    device_id: String,
}

/// The fields of a JSON line; those that do not apply are left out.
#[derive(Default, Serialize)]
struct Entry<'a> {
    event: &'static str,
    device_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_in_ms: Option<u64>,
}

impl Log {
    /// A log for `device_id` on stderr.
    pub fn new(format: LogFormat, device_id: &DeviceId) -> Self {
        Self { format, device_id: device_id.as_str().to_owned() }
    }

    pub(super) fn state(&self, state: State, detail: &str) {
        self.write(
            &Entry { event: "state", state: Some(state.as_str()), detail, ..Entry::default() },
            format_args!("{state}: {detail}"),
        );
    }

    pub(super) fn ended(&self, state: State, ended: &ConnectionEnd, wait: Duration) {
        let entry = Entry {
            event: "state",
            state: Some(state.as_str()),
            cause: Some(ended.cause.as_str()),
            detail: &ended.detail,
            retry_in_ms: u64::try_from(wait.as_millis()).ok(),
            ..Entry::default()
        };
        self.write(&entry, format_args!("{state}: {}; next try in {wait:.1?}", ended.detail));
    }

    pub(super) fn line_unusable(&self, line: u64, why: &dyn ToString) {
        let detail = why.to_string();
        self.write(
            &Entry { event: "line_unusable", line: Some(line), detail: &detail, ..Entry::default() },
            format_args!("stdin line {line} not sent: {detail}"),
        );
    }

    pub(super) fn publish_denied(&self, line: Option<u64>, detail: &str) {
        let entry = Entry { event: "publish_denied", line, detail, ..Entry::default() };
        let what = line.map_or_else(|| "status".to_owned(), |line| format!("stdin line {line}"));
        self.write(&entry, format_args!("{what} denied by the broker: {detail}"));
    }

    /// Something an operator should see to.
    pub(crate) fn warning(&self, event: &'static str, detail: &str) {
        self.write(&Entry { event, detail, ..Entry::default() }, format_args!("warning: {detail}"));
    }

    fn write(&self, entry: &Entry<'_>, text: std::fmt::Arguments<'_>) {
        let line = match self.format {
            LogFormat::Text => format!("{} {text}", self.device_id),
            LogFormat::Json => {
                let entry = Entry { device_id: &self.device_id, ..*entry };
                serde_json::to_string(&entry).unwrap_or_default()
            }
        };
        // If stderr is closed there is no other place to report it.
        let _ = std::io::stderr().lock().write_all(&whole_line(&line));
    }
}

/// `text` as one line, to be written at once: what others write to the same stderr does not come between.
fn whole_line(text: &str) -> Vec<u8> {
    let mut line = String::with_capacity(text.len() + 1);
    for character in text.chars() {
        // A path, or what the system says of one, may hold any.
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line.push('\n');
    line.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::whole_line;

    #[test]
    fn control_characters_neither_end_a_line_nor_colour_it() {
        assert_eq!(whole_line("a\nb\r\x1b[1m\u{9b}é"), "a\\nb\\r\\u{1b}[1m\\u{9b}é\n".as_bytes());
    }
}
