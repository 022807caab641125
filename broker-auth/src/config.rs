//! What broker.toml means: parsed types only, built whole or not at all.
//!
//! Who is let in is read by the package `broker-rules`; here is what a broker with listeners, limits and an engine of its own
//! has beside. Each module owns the type of its part; this one assembles them.

mod broker_limits;
mod engine;
mod exposure;
mod fetch;
mod https;
mod https_warnings;
mod key_sets;
mod limits;
mod listener;
mod load;
mod server_names;
mod transport;

pub use engine::EngineConfig;
pub use fetch::{FetchConfig, FetchedFile, FetchedKind};
pub use https::HttpsConfig;
pub use listener::ListenerConfig;
pub use transport::Transport;

use std::path::PathBuf;
use std::sync::Arc;

use authenticator::ruleset::AccessRules;
use broker_rules::config::{ListenerRules, StateConfig, policy_warnings};
use broker_rules::factors::SecondFactorSettings;
use embedded::BrokerLimits;

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

    /// What its listeners decide by.
    pub fn listener_rules(&self) -> Vec<ListenerRules<'_>> {
        self.listeners.iter().map(ListenerConfig::rules).collect()
    }

    /// What should be looked at in the policies: names that stand for several clients, policies that decide about nobody,
    /// and clients that none is for.
    pub fn policy_warnings(&self) -> Vec<String> {
        policy_warnings(&self.access, &self.second_factors, &self.listener_rules())
    }
}
