//! The runtime of Linux-class gateways: a credential image in, an MQTT session out.
//!
//! ```text
//! image file → credential → tls → mqtt → run ─ stdin lines → outbox → publishes
//!                                          └─ commands → JSON lines on stdout
//! ```
//!
//! `credential` and `key` check what the factory wrote; `broker_certificate` and `clock` decide whether the
//! broker is the one the image names; `mqtt` is the only folder that names the MQTT client; `run` is the loop.

mod broker_certificate;
mod clock;
mod command;
mod connection;
mod credential;
mod exposure;
mod key;
mod log;
mod mqtt;
mod outbox;
mod run;
mod shortfall;
mod stdin;
mod stop;
mod tls;

pub use broker_certificate::AnchorError;
pub use credential::{Credential, CredentialError};
pub use exposure::Exposure;
pub use log::{Log, LogFormat};
pub use run::{Options, RunError, run};
pub use shortfall::Shortfall;
