//! What clients may take of memory: each session, and all of them together.

mod broker;
mod session;

pub use broker::BrokerLimits;
pub use session::SessionLimits;
