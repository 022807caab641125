//! The last packets of one client, for whoever has to find out what went wrong.

use std::collections::VecDeque;
use std::fmt;

/// How many packets are remembered.
const LENGTH: usize = 80;

/// How many bytes of each.
const BYTES: usize = 64;

/// The last packets of one client.
#[derive(Default)]
pub(super) struct Trace(VecDeque<String>);

/// A moment in a trace.
#[derive(Clone)]
pub(super) struct Before(VecDeque<String>);

impl Trace {
    /// Now.
    pub(super) fn now(&self) -> Before {
        Before(self.0.clone())
    }

    /// Forgets what has come since: a round of waiting that brought nothing.
    pub(super) fn rewind(&mut self, before: Before) {
        self.0 = before.0;
    }

    pub(super) fn note(&mut self, what: impl Into<String>) {
        if self.0.len() == LENGTH {
            self.0.pop_front();
        }
        self.0.push_back(what.into());
    }

    pub(super) fn sent(&mut self, kind: &str, packet: &[u8]) {
        let shown: String =
            packet.iter().take(BYTES).flat_map(|byte| byte.escape_ascii()).map(char::from).collect();
        let more = packet.len().saturating_sub(BYTES);
        self.note(format!(
            "  -> {kind}: \"{shown}\"{}",
            if more > 0 { format!(" and {more} bytes") } else { String::new() }
        ));
    }

    pub(super) fn heard(&mut self, what: &dyn fmt::Debug) {
        let mut shown = format!("  <- {what:?}");
        if let Some((end, _)) = shown.char_indices().nth(3 * BYTES) {
            shown.truncate(end);
            shown.push('…');
        }
        self.note(shown);
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
