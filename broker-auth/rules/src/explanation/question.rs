//! [`Question`]: what is asked about a client, and [`AskedListener`]: of which listener.

use std::net::IpAddr;

use authenticator::origin::ServerName;
use serde::{Deserialize, Serialize};

use super::suppositions::{SupposedFactor, SupposedOcsp};
use crate::config::ServerNames;

/// What is asked about a client, beside its certificate.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Question {
    /// The MQTT client id that it would ask for.
    pub client_id: Option<String>,
    /// A topic that it would publish to.
    pub publish: Option<String>,
    /// A filter that it would subscribe to.
    pub subscribe: Option<String>,
    /// What it would ask an origin for.
    #[serde(default)]
    pub path: Option<String>,
    /// By which method.
    #[serde(default)]
    pub method: Option<String>,
    /// Where it would come from.
    #[serde(default)]
    pub source: Option<IpAddr>,
    /// The server that it would ask for.
    #[serde(default)]
    pub server_name: Option<String>,
    /// What its OCSP responder would say.
    #[serde(default)]
    pub ocsp: Option<SupposedOcsp>,
    /// What it would show beside its certificate.
    #[serde(default)]
    pub factor: Option<SupposedFactor>,
    /// Which version of MQTT it would speak.
    #[serde(default)]
    pub mqtt_version: Option<String>,
}

impl Question {
    /// Whether it can be put to a listener that is, or is not, in front of an HTTP origin.
    pub fn fits(&self, is_https: bool) -> bool {
        let is_of_mqtt = [&self.client_id, &self.publish, &self.subscribe, &self.mqtt_version];
        if is_https { is_of_mqtt.iter().all(|asked| asked.is_none()) } else { self.path.is_none() }
    }
}

/// A listener that is asked about.
pub struct AskedListener<'a> {
    /// Its place in the configuration.
    pub place: usize,
    /// Where it listens.
    pub address: String,
    /// What clients ask for it by.
    pub server_names: &'a ServerNames,
    /// Whether it is in front of an HTTP origin.
    pub is_https: bool,
}

impl AskedListener<'_> {
    /// Whether a client gets there that speaks as in the question, and asks for the server in it.
    pub fn is_met_by(&self, question: &Question) -> bool {
        if !question.fits(self.is_https) {
            return false;
        }
        let names = &self.server_names.names;
        let is_called = |name: &String| names.iter().any(|known| known.as_str().eq_ignore_ascii_case(name));
        names.is_empty() || question.server_name.as_ref().is_none_or(is_called)
    }

    /// The name that the client asks for it by: where that is not said, the one that stands for none, or the only one.
    pub(super) fn server_name(&self, question: &Question) -> Option<ServerName> {
        if let Some(asked) = &question.server_name {
            return asked.parse().ok();
        }
        let only = || if let [only] = self.server_names.names.as_slice() { Some(only.clone()) } else { None };
        self.server_names.default.clone().or_else(only)
    }
}
