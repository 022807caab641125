//! The agent of a microcontroller: one session with the broker, for as long as there is power.
//!
//! [`Agent::run`] connects, proves, subscribes, sends what the [`Application`] has to say, hands it commands, and comes
//! back after everything that ends a connection, as late as [`session`](crate::session) says. Everything it needs from
//! the board is in [`Platform`](crate::platform::Platform); its memory is [`Memory`], all of it.

mod agent;
mod application;
mod attempt;
mod config;
mod ending;
mod line;
mod memory;
mod online;
mod vigil;

pub use agent::Agent;
pub use application::{Application, Change, Wish};
pub use config::Config;
pub use ending::{Cause, Ended, Step};
pub use memory::Memory;
