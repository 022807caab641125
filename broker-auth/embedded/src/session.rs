//! Sessions: what MQTT promises a client, and the permit it promises it under.
//!
//! [`state`] holds all of a session and has no I/O; one [`task`] owns it from its first CONNECT until it has expired, and
//! is the only loop. Connections come to it through the [`registry`], by client id.
//!
//! ```text
//!   CONNECT ──▶ registry ──▶ task ──── packet, message, time ───▶ state
//!                             │  ▲                                  │
//!            socket, engine ◀─┘  └── effects, packets to send ──────┘
//! ```

mod attach;
mod bounds;
mod command;
mod connack;
mod counters;
mod drops;
mod effect;
mod end;
mod hub;
mod inbox;
mod info;
mod memory;
mod outbox;
mod queue_limits;
mod registry;
mod retained;
pub(crate) mod shared;
mod shared_state;
mod state;
mod subscriptions;
mod task;
mod termination;
mod topic_aliases;
mod will;

pub use attach::attach;
pub use bounds::{UnfitWill, check_will};
pub use connack::{refuse, refuse_with};
pub use counters::Counters;
pub use hub::Hub;
pub use info::{ConnectionInfo, SessionInfo};
pub use registry::{AmbiguousName, Listed, Registry, Unrouted};
pub use retained::Retained;

#[cfg(test)]
mod tests;

#[cfg(any(test, feature = "for-test"))]
pub(crate) use effect::{Effect, SubscribeStep};
#[cfg(any(test, feature = "for-test"))]
pub(crate) use end::SessionEnd;
#[cfg(any(test, feature = "for-test"))]
pub(crate) use shared_state::SharedState;
#[cfg(any(test, feature = "for-test"))]
pub(crate) use state::deliver::{DrawTurn, Unsent};
#[cfg(any(test, feature = "for-test"))]
pub(crate) use state::{Connecting, SessionState};
