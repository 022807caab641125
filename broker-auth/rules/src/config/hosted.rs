//! [`HostedConfig`]: a configuration for a host that brings its own listeners, such as mosquitto.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use authenticator::ruleset::{AccessRules, Mode};
use authenticator::trust::{CrlSource, TrustConfig};

use super::document::Document;
use super::error::ConfigError;
use super::file::{directory_of, read_text};
use super::identity::read_identity;
use super::listener::{Front, ListenerRules};
use super::policy::read_policies;
use super::policy_warnings::policy_warnings;
use super::reader::{Table, Value};
use super::remote::{RemoteKeySets, RemoteRevocation};
use super::second_factor::read_second_factors;
use super::state::StateConfig;
use super::trust::{read_mode, read_trusts};
use crate::factors::{KeySource, SecondFactorSettings};

/// What such a host has settings of its own for: whatever is here is for the broker, and need not be true.
const OF_LISTENER: [&str; 6] = ["address", "server-cert", "server-key", "tls-versions", "alpn", "limits"];
const OF_ROOT: [&str; 3] = ["limits", "engine", "fetch"];

/// What such a host cannot do, where it would change who is let in: passed over in silence, it would let in whom it was
/// meant to keep out.
const IMPOSSIBLE: [(&str, &str); 9] = [
    ("upstream", IN_FRONT),
    ("upstream-tls", IN_FRONT),
    ("upstream-timeout", IN_FRONT),
    ("idle-timeout", IN_FRONT),
    ("path", IN_FRONT),
    ("headers", IN_FRONT),
    ("server-names", "tell its clients apart by the server that they ask for"),
    ("default-server-name", "tell its clients apart by the server that they ask for"),
    ("proxy", "be told here which balancers to believe: its own configuration says where clients are"),
];
const IN_FRONT: &str = "stand in front of an HTTP origin";

/// What a host decides by that has listeners of its own.
#[derive(Clone, Debug)]
pub struct HostedConfig {
    /// The file it came from.
    pub file: PathBuf,
    /// What the file said.
    pub text: String,
    /// The directory of that file, which the paths in it are relative to.
    pub directory: PathBuf,
    /// What the host is called.
    pub host: &'static str,
    /// What is made of clients whose certificate is not proven.
    pub mode: Mode,
    /// The trusts that vouch for clients; at least one. None has a list with a URL, none asks responders.
    pub trusts: Vec<TrustConfig>,
    /// How identities are read from certificates, and what they may do.
    pub access: Arc<AccessRules>,
    /// What second factors are verified by. No key set has a URL.
    pub second_factors: SecondFactorSettings,
    /// Where the host keeps what must not be forgotten.
    pub state: StateConfig,
}

impl HostedConfig {
    /// Reads and checks a configuration file, but none of the files it names, for the host that is called `host`.
    ///
    /// # Errors
    /// Something in it is wrong, or the host cannot do it.
    pub fn load(file: &Path, host: &'static str) -> Result<Self, ConfigError> {
        Self::parse(file, &read_text(file)?, host)
    }

    /// Checks the text of a configuration that stands, or will stand, in `file`.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn parse(file: &Path, text: &str, host: &'static str) -> Result<Self, ConfigError> {
        let document = Document::parse(file, text)?;
        let root = document.root();
        let directory = directory_of(file);
        let state = StateConfig::read(&root, &directory)?;
        let (mode, trusts) = read_listener(&root, host)?;
        let listener = [ListenerRules { front: Front::Host(host), mode, trusts: &trusts }];
        let identity = read_identity(&root)?;
        let second_factors = read_second_factors(&root, &listener, &mut NothingRemote(host))?;
        let policies = read_policies(&root, &listener, &second_factors)?;
        let access = Arc::new(AccessRules { identity, policies });
        pass_over(&root, &OF_ROOT);
        root.finish()?;
        let (file, text) = (file.to_owned(), text.to_owned());
        Ok(Self { file, text, directory, host, mode, trusts, access, second_factors, state })
    }

    /// What should be looked at in the policies.
    pub fn policy_warnings(&self) -> Vec<String> {
        let listener = ListenerRules { front: Front::Host(self.host), mode: self.mode, trusts: &self.trusts };
        policy_warnings(&self.access, &self.second_factors, &[listener])
    }
}

/// The only listener: who connects to whichever listeners the host has is decided by it.
fn read_listener(root: &Table<'_>, host: &'static str) -> Result<(Mode, Vec<TrustConfig>), ConfigError> {
    let place = root.require("listener")?;
    let mut tables = root.tables("listener", "[[listener]]")?.into_iter();
    let (Some(table), further) = (tables.next(), place.elements()?.get(1).copied()) else {
        return Err(place.refuse("there is no [[listener]]"));
    };
    if let Some(further) = further {
        return Err(
            further.refuse(format!("{host} cannot have rules for several listeners: keep one [[listener]]"))
        );
    }
    if let Some(value) = table.get("transport")
        && value.text()? != "tls"
    {
        return Err(value.refuse(format!("{host} cannot have another transport than MQTT over TLS here")));
    }
    for (key, what) in IMPOSSIBLE {
        if let Some(value) = table.get(key) {
            return Err(value.refuse(format!("{host} cannot {what}")));
        }
    }
    let mode = read_mode(&table)?;
    let (trusts, _) = read_trusts(&table, &mut NothingRemote(host))?;
    pass_over(&table, &OF_LISTENER);
    table.finish()?;
    Ok((mode, trusts))
}

/// Knows keys without reading them.
fn pass_over(table: &Table<'_>, keys: &[&'static str]) {
    for key in keys {
        let _ = table.get(key);
    }
}

/// A host that reads files, and asks nobody.
struct NothingRemote(&'static str);

impl RemoteRevocation for NothingRemote {
    fn list(&mut self, url: &Value<'_>) -> Result<CrlSource, ConfigError> {
        let host = self.0;
        Err(url.refuse(format!(
            "{host} cannot fetch revocation lists: name a file, and have it replaced in time"
        )))
    }

    fn ocsp(&mut self, mode: &Value<'_>) -> Result<(), ConfigError> {
        let host = self.0;
        Err(mode.refuse(format!(
            "{host} cannot ask responders (OCSP): set it to \"off\", and name revocation lists"
        )))
    }
}

impl RemoteKeySets for NothingRemote {
    fn key_set(&mut self, url: &Value<'_>, _: Option<&Value<'_>>) -> Result<KeySource, ConfigError> {
        let host = self.0;
        Err(url.refuse(format!("{host} cannot fetch key sets: name a file, and have it replaced in time")))
    }
}
