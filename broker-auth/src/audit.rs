//! One line per decision, for people and machines.
//!
//! Written to by everything, reads nothing.

mod decision_log;
mod events;
mod lines;
mod log;
mod outage;

pub(crate) use decision_log::next_decision_id;
pub(crate) use events::Events;
pub(crate) use log::LostLines;
pub(crate) use log::{Log, LogFormat};
pub(crate) use outage::Outage;
