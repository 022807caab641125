//! What `broker.toml` says about who is let in: parsed types only, built whole or not at all.
//!
//! Each module owns its part. A host that has more in the file reads that from the same [`Table`]s, so that a key that
//! nobody reads is refused wherever it stands; one that brings its own listeners reads a [`HostedConfig`].

mod conditions;
mod document;
mod duration;
mod error;
mod file;
mod hosted;
mod identity;
mod listener;
mod names;
mod namespaces;
mod network;
mod policy;
mod policy_warnings;
mod reader;
mod remote;
mod same_trust;
mod second_factor;
mod server_names;
mod state;
mod trust;

pub use document::Document;
pub use error::{ConfigError, ConfigFault};
pub use file::{directory_of, read_text};
pub use hosted::HostedConfig;
pub use identity::read_identity;
pub use listener::{Front, ListenerRules};
pub use namespaces::ambiguous_policies;
pub use network::read_network;
pub use policy::read_policies;
pub use policy_warnings::policy_warnings;
pub use reader::{Table, Value};
pub use remote::{RemoteKeySets, RemoteRevocation};
pub use same_trust::refuse_ambiguous_trusts;
pub use second_factor::read_second_factors;
pub use server_names::ServerNames;
pub use state::StateConfig;
pub use trust::{PlacedTrusts, read_mode, read_trusts};
