//! [`LogLines`]: what the rules and the decisions say, on its way into mosquitto's log.
//!
//! They speak by `tracing`, from any thread; mosquitto's log is written to from its own thread alone.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::Arc;

use mosquitto_plugin::log::{Level, Log};
use parking_lot::Mutex;
use tracing::dispatcher::{self, DefaultGuard};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// Lines that wait.
const MAX_WAITING: usize = 4_096;

/// The octets of a line, of which mosquitto cuts what is longer: the rest goes on in another one.
const LINE_LEN: usize = 400;

/// Lines that wait for mosquitto's thread.
#[derive(Debug, Default)]
pub(crate) struct LogLines(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<(Level, String)>,
    lost: u64,
}

/// For as long as this lives, what is said on this thread becomes lines.
pub(crate) struct OnThisThread(#[expect(dead_code, reason = "it acts when it is dropped")] DefaultGuard);

impl LogLines {
    /// Has what is said on this thread become lines.
    pub(crate) fn collect_on_this_thread(self: &Arc<Self>) -> OnThisThread {
        OnThisThread(dispatcher::set_default(&Dispatch::new(Collector(Arc::clone(self)))))
    }

    /// Writes those that wait. On mosquitto's thread.
    pub(crate) fn write_to(&self, log: &dyn Log) {
        let lines = std::mem::take(&mut self.0.lock().lines);
        for (level, line) in lines {
            for piece in pieces(&line) {
                log.write(level, &format!("countersign: {piece}"));
            }
        }
    }

    /// How many there was no room for.
    pub(crate) fn lost(&self) -> u64 {
        self.0.lock().lost
    }

    fn add(&self, level: Level, line: String) {
        let mut waiting = self.0.lock();
        if waiting.lines.len() < MAX_WAITING {
            waiting.lines.push_back((level, line));
        } else {
            waiting.lost += 1;
        }
    }
}

/// `line` in pieces between words; a word that is too long is mosquitto's to cut.
fn pieces(line: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for word in line.split(' ') {
        match pieces.last_mut() {
            Some(piece) if piece.len() + word.len() < LINE_LEN => {
                piece.push(' ');
                piece.push_str(word);
            }
            Some(_) => pieces.push(format!("… {word}")),
            None => pieces.push(word.to_owned()),
        }
    }
    pieces
}

/// Makes lines of what is said.
struct Collector(Arc<LogLines>);

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        // Spans are not told apart.
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = LineText::default();
        event.record(&mut text);
        let level = match *event.metadata().level() {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warning,
            _ => Level::Info,
        };
        // A decision has no message.
        let message = if text.message.is_empty() { "decision" } else { &text.message };
        self.0.add(level, format!("{message}{}", text.fields));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// What is said, as `message key=value key="more words"`.
#[derive(Default)]
struct LineText {
    message: String,
    fields: String,
}

impl Visit for LineText {
    fn record_str(&mut self, field: &Field, value: &str) {
        let fields = &mut self.fields;
        // Writing to a String does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value}"),
            name if value.is_empty() || value.contains([' ', '"']) => write!(fields, " {name}={value:?}"),
            name => write!(fields, " {name}={value}"),
        };
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
