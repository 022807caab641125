//! What a decision leaves behind, for people and machines: a line in the log, and an event for whoever may hear it.

mod beginning;
mod decision_log;
mod event;
mod lines;
mod peer;
mod strangers;

pub use beginning::beginning;
pub use decision_log::{DecisionLog, next_decision_id};
pub use event::{ConnectionEvent, Stranger};
pub use lines::Lines;
pub use peer::peer_text;
pub use strangers::Strangers;
