//! What broker.toml means: parsed types only, built whole or not at all.
//!
//! Each module owns the type of its part; this one assembles them.

mod broker_limits;
mod conditions;
mod duration;
mod engine;
mod error;
mod exposure;
mod fetch;
mod file;
mod https;
mod https_warnings;
mod limits;
mod listener;
mod load;
mod names;
mod namespaces;
mod network;
mod policy;
mod policy_warnings;
mod reader;
mod same_trust;
mod second_factor;
mod server_names;
mod state;
mod transport;
mod trust;

pub use engine::EngineConfig;
pub use error::{ConfigError, ConfigFault};
pub use fetch::{FetchConfig, FetchedFile, FetchedKind};
pub use https::HttpsConfig;
pub use listener::ListenerConfig;
pub use state::StateConfig;
pub use transport::Transport;

use std::path::PathBuf;
use std::sync::Arc;

use authenticator::ruleset::AccessRules;
use embedded::BrokerLimits;

use crate::evidence::SecondFactorSettings;

/// A whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it came from.
    pub file: PathBuf,
    /// What the file said.
    pub text: String,
    /// The directory of that file, which the paths in it are relative to.
    pub directory: PathBuf,
    /// At least one.
    pub listeners: Vec<ListenerConfig>,
    /// How identities are read from certificates, and what they may do.
    pub access: Arc<AccessRules>,
    /// What second factors are verified by.
    pub(crate) second_factors: SecondFactorSettings,
    /// What all clients together may use up.
    pub limits: BrokerLimits,
    /// The MQTT broker behind the authenticator.
    pub engine: EngineConfig,
    /// Where the broker keeps its own files.
    pub state: StateConfig,
    /// How files are fetched.
    pub fetch: FetchConfig,
    /// The files that are fetched: the revocation lists of all trusts, and the key set of the issuer of tokens.
    pub fetched_files: Vec<FetchedFile>,
}

impl Config {
    /// Where the broker keeps its own files: the admin socket, and what it must not forget.
    pub fn state_directory(&self) -> PathBuf {
        self.state.directory.clone()
    }
}
