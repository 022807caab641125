//! What a broker is called, how it is configured, and what its host is given.

mod address;
mod config;
mod export;

pub use address::{Address, Host, HostError, Hosts};
pub use config::config;
pub use export::{ExportError, export};
