//! `[engine]`.

/// The MQTT broker behind the authenticator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineConfig {
    /// rumqttd's router, embedded.
    #[default]
    Rumqttd,
}
