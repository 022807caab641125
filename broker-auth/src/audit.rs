//! One line per decision, for people and machines.
//!
//! Written to by everything, reads nothing.

mod events;
mod log;
mod outage;

pub(crate) use events::Events;
pub(crate) use log::LostLines;
pub(crate) use log::{Log, LogFormat};
pub(crate) use outage::Outage;
