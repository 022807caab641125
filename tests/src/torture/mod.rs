//! Clients that send anything at all, beside others that must not notice.
//!
//! A broker process, mutual TLS, and several clients of either version, devices and services with narrow and wide
//! policies. Each plays scenes that chance gives it ([`scenes`]): mostly legal moves ([`moves`]), ends of connections
//! in the middle of them, and crimes ([`crimes`], [`misdeeds`]). A client knows what its session is owed ([`model`]); what comes back
//! must be that, and a breach of the protocol must end its connection. Meanwhile pairs of [`witness`]es exchange
//! numbered messages, each of which must come once, in order, in time. When all have left, nothing must be left of
//! them ([`traces`]).
//!
//! Chance is a function of the seed, the client and its step ([`dice`]), so a run can be repeated as far as the order
//! in which a broker serves several clients is the same.

mod acknowledgements;
mod answer;
mod cast;
mod crimes;
mod dice;
mod incoming;
mod misdeeds;
mod model;
mod moves;
mod packet;
mod player;
mod report;
mod run;
mod scenes;
mod tally;
mod trace;
mod traces;
mod witness;

pub use report::{Failure, Plan, Progress, Report};
pub use run::run;
pub use tally::Tally;
pub use traces::Usage;
pub use witness::Testimony;
