//! `transport` of `[[listener]]`.

use std::sync::Arc;

use authenticator::http::HttpRules;
use broker_rules::config::{ConfigError, Table};

use super::https::{HttpsConfig, refuse_https_keys};
use crate::http::{OriginClient, OriginError};
use crate::listener::HttpFront;

/// What a listener carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// MQTT over TLS.
    #[default]
    Tls,
    /// HTTP/1.1 over TLS, in front of an origin.
    Https(Box<HttpsConfig>),
}

impl Transport {
    /// Reads `transport`, and what belongs to it.
    pub(super) fn read(table: &Table<'_>) -> Result<Self, ConfigError> {
        let is_https = match table.get("transport") {
            Some(value) if value.text()? == "websocket" => return Err(value.unsupported()),
            Some(value) => value.choice(&[("tls", false), ("https", true)])?,
            None => false,
        };
        if is_https {
            return HttpsConfig::read(table).map(|config| Self::Https(Box::new(config)));
        }
        refuse_https_keys(table)?;
        Ok(Self::Tls)
    }

    /// The word in the configuration.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Https(_) => "https",
        }
    }

    /// What stands in front of an origin.
    pub(crate) fn https(&self) -> Option<&HttpsConfig> {
        match self {
            Self::Tls => None,
            Self::Https(config) => Some(config),
        }
    }

    /// Which paths are whose, in front of an origin.
    pub(crate) fn http_rules(&self) -> Option<&Arc<HttpRules>> {
        self.https().map(|config| &config.rules)
    }

    /// Reads the files by which an origin is asked. `None`: no origin is.
    pub(crate) fn load(&self) -> Result<Option<HttpFront>, OriginError> {
        let Some(config) = self.https() else { return Ok(None) };
        let settings = config.settings.clone();
        let load = |upstream| OriginClient::load(upstream, settings.upstream_timeout);
        let origin = settings.upstream.as_ref().map(load).transpose()?;
        Ok(Some(HttpFront { settings, origin }))
    }

    /// The keys that differ, of those that a running broker cannot follow.
    pub(crate) fn restart_keys(&self, wanted: &Self) -> Vec<&'static str> {
        match (self, wanted) {
            (Self::Tls, Self::Tls) => Vec::new(),
            (Self::Https(present), Self::Https(wanted)) => present.restart_keys(wanted),
            (Self::Tls, Self::Https(_)) | (Self::Https(_), Self::Tls) => vec!["transport"],
        }
    }
}
