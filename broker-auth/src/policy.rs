//! What a verified client may do.
//!
//! Pure: no I/O, no clock, no task. A [`Permit`] is the only thing the session layer asks, per packet and per delivery.
#![cfg_attr(
    not(test),
    warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)
)]

mod binding;
mod permit;
mod rule;
mod topic;

pub use binding::{ClientId, ClientIdBinding, ClientIdRule};
pub use permit::Permit;
pub use rule::{Action, DeniedPublish, Match, Policies, Policy, TopicTemplate, TopicTemplateError};
pub use topic::{SharedFilter, TopicError, TopicFilter, TopicName};
