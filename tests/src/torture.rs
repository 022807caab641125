//! Clients that send legal and illegal packets at random, beside others that must not be affected.
//!
//! A broker process, mutual TLS, and several clients of either version, devices and services with narrow and wide
//! policies. Each plays random scenarios ([`scenarios`]): mostly legal actions ([`actions`]), ends of connections in the middle of
//! them, and violations ([`violations`], [`invalid_packets`]). A client knows what its session is owed ([`model`]); what comes back
//! must be that, and a breach of the protocol must end its connection. Meanwhile pairs of [`observer`]es exchange
//! numbered messages, each of which must come once, in order, in time. When all have left, nothing must be left of
//! them ([`traces`]).
//!
//! Chance is a function of the seed, the client and its step ([`random`]), so a run can be repeated as far as the order
//! in which a broker serves several clients is the same.

mod acknowledgements;
mod acknowledging;
mod actions;
mod answer;
mod clients;
mod counts;
mod deviation;
mod driver;
mod incoming;
mod invalid_packets;
mod model;
mod observer;
mod owed;
mod packet;
mod random;
mod report;
mod run;
mod scenarios;
mod trace;
mod traces;
mod violations;

pub use counts::Tally;
pub use observer::Testimony;
pub use report::{Failure, Plan, Progress, Report};
pub use run::run;
pub use traces::Usage;
