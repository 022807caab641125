//! A broker for one machine: sessions, retained messages, shared groups, wills, and the engine that carries messages
//! from one session to the others.
//!
//! ```text
//! AdmittedClient → Hub → session → engine → sessions
//! ```
//!
//! It is given clients that have been let in; who is let in, and for how long, is decided elsewhere ([`Recheck`]).
//!
//! Locks are parking_lot's, here and in the broker: none is held across code that may panic half way, so poisoning would
//! say nothing.
#![forbid(unsafe_code)]

mod admitted_client;
mod bus;
mod engine;
mod limits;
mod recheck;
mod session;
#[cfg(any(test, feature = "for-test"))]
pub mod simulation;

pub use admitted_client::AdmittedClient;
pub use engine::{Engine, EngineError};
pub use limits::{BrokerLimits, SessionLimits};
pub use recheck::Recheck;
pub use session::{
    AmbiguousName, ConnectionInfo, Counters, Hub, Listed, Registry, Retained, SessionInfo, UnfitWill,
    Unrouted, attach, check_will, refuse, refuse_with,
};
