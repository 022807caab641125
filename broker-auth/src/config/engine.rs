//! `[engine]`.

use broker_rules::config::{ConfigError, Table};

/// The MQTT broker behind the authenticator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineConfig {
    /// rumqttd's router, embedded.
    #[default]
    Rumqttd,
}

impl EngineConfig {
    pub(super) fn read(table: Table<'_>) -> Result<Self, ConfigError> {
        let kind = table.require("kind")?;
        let engine = match kind.text()? {
            "upstream" => return Err(kind.unsupported()),
            _ => kind.choice(&[("rumqttd", Self::Rumqttd)])?,
        };
        table.finish()?;
        Ok(engine)
    }
}
