//! The lines of the log, with all their fields: one step of a client each, in both formats.

mod client;
mod deadlines;
mod ends;
mod errors;
mod files;
mod messages;
mod refusals;

use std::thread;

use integration_tests::transcript::matches_snapshot;

use self::deadlines::{slow_clients, stop};
use self::ends::{late_refusals, sessions_that_are_ended, sessions_that_end};
use self::errors::{first_packets, protocol_errors};
use self::files::{files, stale_lists};
use self::messages::{lost_messages, publishes_and_subscriptions};
use self::refusals::{handshakes, refused_connects};
use crate::certificates::configure;
use crate::recorder::{Format, Recorder, site_logging};

#[test]
fn lines_in_json() {
    matches_snapshot("log-json", &record(Format::Json));
}

#[test]
fn lines_in_text() {
    matches_snapshot("log-text", &record(Format::Text));
}

/// Some parts wait for deadlines, so all are recorded at once.
fn record(format: Format) -> String {
    let parts = [clients, late_refusals, slow_clients, stale_lists, stop];
    thread::scope(|scope| {
        let recording = parts.map(|part| scope.spawn(move || part(format)));
        recording.map(|part| part.join().expect("a part is recorded")).concat()
    })
}

fn clients(format: Format) -> String {
    let site = site_logging(format, |fleet| {
        configure(fleet);
        fleet.limit(
            // Few connections: of more than there are descriptors for something would be logged.
            "max-connections = 100\nmax-sessions-per-identity = 3\nmax-inflight = 2\nmax-queued-messages = 2\n\
             max-retained-messages-per-identity = 1",
        );
    });
    let mut recorder = Recorder::of(&site);
    recorder.start();
    handshakes(&mut recorder);
    first_packets(&mut recorder);
    refused_connects(&mut recorder);
    sessions_that_end(&mut recorder);
    protocol_errors(&mut recorder);
    publishes_and_subscriptions(&mut recorder);
    lost_messages(&mut recorder);
    sessions_that_are_ended(&mut recorder);
    files(&mut recorder);
    recorder.into_text()
}
