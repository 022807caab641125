//! One line per decision, for people and machines.
//!
//! Written to by everything, reads nothing.

mod decision_log;
mod lasting;
mod lines;
mod log;

pub(crate) use decision_log::{DecisionLog, next_decision_id};
pub(crate) use lasting::Lasting;
pub(crate) use log::LostLines;
pub(crate) use log::{Log, LogFormat};
