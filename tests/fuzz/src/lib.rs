//! What a device reads from others, and sessions of the broker, on inputs that a fuzzer chooses.
//!
//! A target is a function of bytes that panics when a promise is broken. `tests/fuzz/run` has libFuzzer look for such
//! bytes; the test `replay` runs the kept corpora through the same functions with the toolchain of everything else.
//!
//! | target | what it judges, and by whom |
//! |---|---|
//! | [`certificate`] | certificates and chains, against webpki and x509-parser |
//! | [`record`] | the record guard, against a model, and against itself with the stream cut otherwise |
//! | [`handshake`] | the TLS client, against a server that holds the keys and is known to be honest or not |
//! | [`mqtt_input`] | packets and their topics, against rmqtt-codec, and against itself with the stream cut otherwise |
//! | [`session`] | sessions of the broker, against a model of what every client is owed |
//! | [`image`] | credential images, against their layout, p256 and x509-parser |
//! | [`renewal`] | messages of a renewal, against their layout and x509-parser |
//! | [`credential_store`] | the two slots in flash, against the images that there are |

#![forbid(unsafe_code)]

pub mod certificate;
pub mod credential_store;
pub mod handshake;
pub mod image;
pub mod mqtt_input;
pub mod record;
pub mod renewal;
pub mod session;

mod der;
mod fleet;
mod hello;
mod pieces;
mod verdict;

// They speak of the agent's types, so no package below the agent could have them.
#[path = "../../../agent/tests/mqtt/judge.rs"]
mod judge;
#[path = "../../../agent/tests/mqtt/packets.rs"]
mod packets;

pub use verdict::Verdict;

/// A fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What the program and the folder of its corpus are called.
    pub name: &'static str,
    /// Judges what the device makes of an input. Panics if a promise is broken.
    pub run: fn(&[u8]) -> Verdict,
    /// Honest inputs to start from, and near misses.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: [Target; 8] = [
    Target { name: "certificate", run: certificate::run, seeds: certificate::seeds },
    Target { name: "record", run: record::run, seeds: record::seeds },
    Target { name: "handshake", run: handshake::run, seeds: handshake::seeds },
    Target { name: "mqtt_input", run: mqtt_input::run, seeds: mqtt_input::seeds },
    Target { name: "image", run: image::run, seeds: image::seeds },
    Target { name: "session", run: session::run, seeds: session::seeds },
    Target { name: "renewal", run: renewal::run, seeds: renewal::seeds },
    Target { name: "credential_store", run: credential_store::run, seeds: credential_store::seeds },
];
