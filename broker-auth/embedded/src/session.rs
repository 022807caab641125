//! Sessions: what MQTT promises a client, and the permit it promises it under.
//!
//! One task owns one session ([`life`]) from its first CONNECT until it has expired. Connections come to it: it
//! serves one at a time ([`online`]), keeps what arrives meanwhile ([`offline`]), and is found by client id
//! ([`registry`]). Nothing of a session is shared, so nothing of it is locked.
//!
//! ```text
//!   CONNECT ──▶ registry ──▶ life ──▶ online ⇄ offline ──▶ gone
//!                                       │
//!            reader ─▶ publish, subscribe, acknowledge ─▶ engine
//!            engine ─▶ subscriptions ─▶ permit ─▶ outbox ─▶ writer
//!                    groups ([`shared`]) ─▶ permit ─▶ outbox ─▶ writer
//! ```

mod acknowledge;
mod bounds;
mod connack;
mod counters;
mod deliver;
mod drain;
mod drops;
mod end;
mod hub;
mod inbox;
mod info;
mod life;
mod memory;
mod offline;
mod online;
mod outbox;
mod publish;
mod registry;
mod retained;
pub(crate) mod shared;
mod subscribe;
mod subscriptions;
mod will;

pub use bounds::{UnfitWill, check_will};
pub use connack::{refuse, refuse_with};
pub use counters::Counters;
pub use hub::Hub;
pub use info::{ConnectionInfo, SessionInfo};
pub use registry::{Listed, Registry, Unrouted};
pub use retained::Retained;

#[cfg(test)]
mod tests;
