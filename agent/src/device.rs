//! The agent of a microcontroller: one session with the broker, for as long as there is power.
//!
//! [`Agent::run`] connects, authenticates, subscribes to commands, sends what the [`Application`] puts into the queue
//! and hands it commands. After every end of a connection it connects again, as late as [`session`](crate::session)
//! says. Everything it needs from the board is in [`Platform`](crate::platform::Platform); its memory is [`Memory`],
//! all of it. [`RenewingAgent`] does the same on credentials in a store, and renews them.

mod agent;
mod application;
mod attempt;
mod config;
mod connection_end;
mod connector;
mod keep_alive;
mod memory;
mod mqtt_session;
mod packet_writer;
mod renewal;
mod renewing_agent;

pub use agent::Agent;
pub use application::{Application, Change, Control};
pub use config::Config;
pub use connection_end::{Cause, ConnectionEnd, Deadline};
pub use memory::Memory;
pub use renewing_agent::{RenewalConfig, RenewalMemory, RenewingAgent, RenewingError};
