//! Sessions without sockets: a deterministic simulation of clients, and a model of what each of them is owed.
//!
//! Several [`SessionState`](crate::session)s share retained messages, groups and memory as in a broker; a fan-out in place
//! of the engine hands every message to all of them. Clients connect, publish, subscribe, acknowledge, break the protocol,
//! vanish and come back as [`Choices`] decide: a seed, or the bytes of a fuzzer. The same choices play the same run, to the last packet.
//! Packets go through the codec both ways.

mod choices;
mod client;
mod model;
mod violations;
mod world;

pub use choices::Choices;
pub use world::{Played, play};

#[cfg(test)]
mod tests;
