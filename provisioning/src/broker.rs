//! The broker's host names and port, its first configuration, and the files its host needs.

mod address;
mod config;
mod export;
mod mosquitto;

pub(crate) use address::{Address, Host, Hosts};
pub(crate) use config::initial_config;
pub(crate) use export::{ExportError, Extent, beside, export};
pub(crate) use mosquitto::{ConfPath, ConfPathError, MosquittoHost};
