//! From the file to a [`Config`].

use std::path::Path;
use std::sync::Arc;

use authenticator::ruleset::AccessRules;
use broker_rules::config::{
    ConfigError, Document, StateConfig, directory_of, read_identity, read_policies, read_second_factors,
    read_text, refuse_ambiguous_trusts,
};
use embedded::BrokerLimits;

use super::broker_limits::read_broker_limits;
use super::fetch::{FetchConfig, FetchedFiles};
use super::https::refuse_unknown_policies;
use super::key_sets::FetchedKeySets;
use super::server_names::refuse_shared_addresses;
use super::{Config, EngineConfig, ListenerConfig};

impl Config {
    /// Reads and checks a configuration file, but none of the files it names.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(path, &read_text(path)?)
    }

    /// Checks the text of a configuration that stands, or will stand, at `path`.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let document = Document::parse(path, text)?;
        let root = document.root();

        let directory = directory_of(path);
        let state = StateConfig::read(&root, &directory)?;
        let mut fetched = FetchedFiles::in_state_directory(&state.directory);
        let listeners = root
            .require("listener")
            .and_then(|_| root.tables("listener", "[[listener]]"))?
            .into_iter()
            .enumerate()
            .map(|(place, table)| ListenerConfig::read(place, table, &mut fetched))
            .collect::<Result<Vec<_>, _>>()?;
        let trusts = listeners
            .iter()
            .flat_map(|(listener, places)| listener.trusts.iter().zip(places.trusts.iter().copied()));
        refuse_ambiguous_trusts(trusts)?;
        let (listeners, places): (Vec<_>, Vec<_>) =
            listeners.into_iter().map(|(listener, places)| (listener, places.address)).unzip();
        let settings: Vec<_> = listeners.iter().map(|listener| &listener.settings).collect();
        refuse_shared_addresses(&settings, &places)?;
        let rules: Vec<_> = listeners.iter().map(ListenerConfig::rules).collect();
        let identity = read_identity(&root)?;
        let fetch = match root.get("fetch") {
            Some(value) => FetchConfig::read(value.table("[fetch]")?)?,
            None => FetchConfig::default(),
        };
        let mut key_sets = FetchedKeySets { files: &mut fetched, interval: fetch.interval };
        let second_factors = read_second_factors(&root, &rules, &mut key_sets)?;
        let policies = read_policies(&root, &rules, &second_factors)?;
        refuse_unknown_policies(&root, &policies)?;
        let access = Arc::new(AccessRules { identity, policies });
        let limits = match root.get("limits") {
            Some(value) => read_broker_limits(value.table("[limits]")?)?,
            None => BrokerLimits::default(),
        };
        let engine = match root.get("engine") {
            Some(value) => EngineConfig::read(value.table("[engine]")?)?,
            None => EngineConfig::default(),
        };
        root.finish()?;
        let fetched_files = fetched.into_files();
        let (file, text) = (path.to_owned(), text.to_owned());
        Ok(Self {
            file,
            text,
            directory,
            listeners,
            access,
            second_factors,
            limits,
            engine,
            state,
            fetch,
            fetched_files,
        })
    }
}
