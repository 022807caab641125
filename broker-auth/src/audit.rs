//! One line per decision, for people and machines.
//!
//! Written to by everything, reads nothing.

mod decision;
mod log;

pub use decision::{Decision, DecisionId, Event, decision};
pub use log::{LogFormat, start_logging};
