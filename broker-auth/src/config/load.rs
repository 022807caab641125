//! From the file to a [`Config`].

use std::path::Path;
use std::sync::Arc;

use toml::de::DeTable;

use super::broker_limits::read_broker_limits;
use super::error::{ConfigError, ConfigFault};
use super::fetch::{FetchConfig, FetchedFiles};
use super::file::{directory_of, read_text};
use super::https::refuse_unknown_policies;
use super::policy::read_policies;
use super::reader::{Source, Table, Value};
use super::same_trust::refuse_ambiguous_trusts;
use super::second_factor::read_second_factors;
use super::server_names::refuse_shared_addresses;
use super::{Config, EngineConfig, ListenerConfig, StateConfig};
use authenticator::identity::{Alternative, Alternatives, IdentityTemplate, Template};
use authenticator::ruleset::AccessRules;
use embedded::BrokerLimits;

use crate::evidence::SecondFactorSettings;

impl Config {
    /// Reads and checks a configuration file, but none of the files it names.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read_text(path).map_err(|error| ConfigError {
            file: path.to_owned(),
            line: None,
            fault: ConfigFault::Read(error),
        })?;
        Self::parse(path, &text)
    }

    /// Checks the text of a configuration that stands, or will stand, at `path`.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let source = Source { file: path, text };
        let document = DeTable::parse(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            source.refuse(offset, ConfigFault::Syntax(error.message().to_owned()))
        })?;
        let root = Table::root(source, document.get_ref());

        let directory = directory_of(path);
        let state = match root.get("state") {
            Some(value) => StateConfig::read(value.table("[state]")?, &directory)?,
            None => StateConfig::beside(&directory),
        };
        let mut fetched = FetchedFiles::in_state_directory(&state.directory);
        let listeners = root
            .require("listener")
            .and_then(|_| root.tables("listener", "[[listener]]"))?
            .into_iter()
            .enumerate()
            .map(|(place, table)| ListenerConfig::read(place, table, &mut fetched))
            .collect::<Result<Vec<_>, _>>()?;
        refuse_ambiguous_trusts(&listeners)?;
        let (listeners, places): (Vec<_>, Vec<_>) =
            listeners.into_iter().map(|(listener, places)| (listener, places.address)).unzip();
        let settings: Vec<_> = listeners.iter().map(|listener| &listener.settings).collect();
        refuse_shared_addresses(&settings, &places)?;
        let identity = match root.get("identity") {
            Some(value) => read_identity(value.table("[identity]")?)?,
            None => IdentityTemplate::default(),
        };
        let fetch = match root.get("fetch") {
            Some(value) => FetchConfig::read(value.table("[fetch]")?)?,
            None => FetchConfig::default(),
        };
        let second_factors = match root.get("second-factor") {
            Some(value) => {
                let table = value.table("[second-factor]")?;
                read_second_factors(table, &listeners, &fetch, &mut fetched)?
            }
            None => SecondFactorSettings::default(),
        };
        let policies = read_policies(&root, &listeners, &second_factors)?;
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

fn read_identity(table: Table<'_>) -> Result<IdentityTemplate, ConfigError> {
    let mut identity = IdentityTemplate::default();
    if let Some(value) = table.get("device-id") {
        identity.device_id = read_alternatives(value)?;
    }
    if let Some(value) = table.get("service-name") {
        identity.service_name = read_alternatives(value)?;
    }
    table.finish()?;
    Ok(identity)
}

/// A template, `{ template, regex }`, or several of them in order.
fn read_alternatives(value: Value<'_>) -> Result<Alternatives, ConfigError> {
    let elements = value.elements()?;
    if elements.is_empty() {
        return Err(value.refuse("an empty list reads no identity"));
    }
    elements.iter().map(read_alternative).collect::<Result<_, _>>().map(Alternatives::new)
}

fn read_alternative(value: &Value<'_>) -> Result<Alternative, ConfigError> {
    if value.is_text() {
        return Ok(Alternative { template: value.parse()?, pattern: None });
    }
    let table = value.table("a template")?;
    let template = table.require("template")?;
    let alternative = match table.get("regex") {
        Some(regex) => Alternative {
            template: Template::for_pattern(template.text()?)
                .map_err(|error| template.refuse(error.to_string()))?,
            pattern: Some(regex.parse()?),
        },
        None => Alternative { template: template.parse()?, pattern: None },
    };
    table.finish()?;
    Ok(alternative)
}
