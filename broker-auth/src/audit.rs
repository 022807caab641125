//! One line per decision, for people and machines.
//!
//! Written to by everything, reads nothing.

mod decision;
mod lasting;
mod lines;
mod log;

pub use decision::{Decision, DecisionId, Event, decision};
pub(crate) use lasting::Lasting;
pub(crate) use log::LostLines;
pub use log::{Log, LogFormat};
