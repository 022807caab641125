//! What a verified client may do.
//!
//! Pure: no I/O, no clock, no task. A [`Permit`] is the only thing the session layer asks, per packet and per delivery.

mod binding;
mod condition;
mod conditions;
mod identity_match;
mod permit;
mod policies;
mod policy_entry;
mod shared_topic;
mod topic;
mod topic_template;
mod verdicts;

pub use binding::{ClientId, ClientIdBinding, ClientIdRule};
pub(crate) use condition::Circumstances;
pub use condition::Condition;
pub use conditions::Match;
pub use identity_match::IdentityMatch;
pub use permit::Permit;
pub use policies::Policies;
pub use policy_entry::{Action, DeniedPublish, Policy};
pub use shared_topic::{SharedTopic, TemplatePlace};
pub use topic::{OWN_LEVEL, SharedFilter, TopicError, TopicFilter, TopicName};
pub use topic_template::{TopicTemplate, TopicTemplateError};
pub use verdicts::{VerdictError, VerdictMatch, Verdicts};
