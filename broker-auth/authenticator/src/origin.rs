//! [`Origin`]: how a client comes.

mod server_name;

use std::net::IpAddr;
use std::str::FromStr;

pub use server_name::{NotAServerName, ServerName};

/// How a client comes, as far as that is known: what is known of it beside its certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Its address.
    pub address: Option<IpAddr>,
    /// The listener that it came to, by its place in the configuration.
    pub listener: Option<usize>,
    /// The server that it asked for, or the one that stands for none.
    pub server_name: Option<ServerName>,
    /// The version of MQTT that it speaks.
    pub version: Option<MqttVersion>,
}

/// A version of MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MqttVersion {
    /// 3.1.1
    V311,
    /// 5
    V5,
}

/// A text that is no version of MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no version of MQTT: 3.1.1 or 5")]
pub struct NotAVersion;

impl FromStr for MqttVersion {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        match text {
            "3.1.1" => Ok(Self::V311),
            "5" => Ok(Self::V5),
            _ => Err(NotAVersion),
        }
    }
}
