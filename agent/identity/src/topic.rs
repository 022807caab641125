//! [`Topic`] ⇄ ([`DeviceId`], [`Channel`]): the MQTT topics of a device.

use core::fmt;

use crate::{DeviceId, DeviceIdError};

/// The longest MQTT topic name, in bytes (its length is a 16-bit field, MQTT 5 §1.5.4).
const MAX_TOPIC_LEN: usize = 65_535;

/// One of the five channels of a device.
///
/// The text of [`Telemetry`](Self::Telemetry) and [`Commands`](Self::Commands) is what follows the channel's own
/// level: `""` for the level itself, `"temperature/cpu"` for two levels below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel<'a> {
    /// Device to services: `devices/<id>/telemetry/…`.
    Telemetry(&'a str),
    /// Device to services, retained: `devices/<id>/status`.
    Status,
    /// Services to device: `devices/<id>/commands/…`.
    Commands(&'a str),
    /// Device to the factory's renewal service: `devices/<id>/credential/request`.
    CredentialRequest,
    /// The factory's renewal service to the device: `devices/<id>/credential/response`.
    CredentialResponse,
}

/// The MQTT topic of one channel of one device.
///
/// ```
/// use device_identity::{Channel, DeviceId, Topic};
///
/// let id = DeviceId::new("pump-0042")?;
/// let topic = Topic::new(&id, Channel::Telemetry("flow/litres"))?;
/// assert_eq!(topic.to_string(), "devices/pump-0042/telemetry/flow/litres");
///
/// let text = topic.to_string();
/// let parsed = Topic::parse(&text)?;
/// assert_eq!((parsed.device_id(), parsed.channel()), (&id, Channel::Telemetry("flow/litres")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic<'a> {
    device_id: DeviceId,
    channel: Channel<'a>,
}

impl<'a> Topic<'a> {
    /// The topic of `channel` of `device_id`. Refuses a sub-topic that is no topic name (wildcards, NUL, too long).
    pub fn new(device_id: &DeviceId, channel: Channel<'a>) -> Result<Self, TopicError> {
        let below = match channel {
            Channel::Telemetry(below) | Channel::Commands(below) => below,
            Channel::Status | Channel::CredentialRequest | Channel::CredentialResponse => "",
        };
        if let Some(found) = below.chars().find(|c| matches!(c, '+' | '#' | '\0')) {
            return Err(TopicError::NotAName { found });
        }
        let topic = Self { device_id: device_id.clone(), channel };
        // The fixed part is at most "devices/" + 64 + "/telemetry/" long.
        let length = below.len() + DeviceId::MAX_LEN + 32;
        if length > MAX_TOPIC_LEN {
            return Err(TopicError::TooLong { length });
        }
        Ok(topic)
    }

    /// The device and channel a topic name addresses.
    pub fn parse(name: &'a str) -> Result<Self, TopicError> {
        let rest = name.strip_prefix("devices/").ok_or(TopicError::NotADevice)?;
        let (id, channel) = rest.split_once('/').ok_or(TopicError::NoChannel)?;
        let device_id = DeviceId::new(id).map_err(TopicError::DeviceId)?;
        let channel = match channel {
            "status" => Channel::Status,
            "credential/request" => Channel::CredentialRequest,
            "credential/response" => Channel::CredentialResponse,
            "telemetry" => Channel::Telemetry(""),
            "commands" => Channel::Commands(""),
            _ => match channel.split_once('/') {
                // "telemetry/" is a name of its own in MQTT, with an empty last level; no channel has it.
                Some((_, "")) => return Err(TopicError::NoChannel),
                Some(("telemetry", below)) => Channel::Telemetry(below),
                Some(("commands", below)) => Channel::Commands(below),
                _ => return Err(TopicError::NoChannel),
            },
        };
        Self::new(&device_id, channel)
    }

    /// The device of the topic.
    pub fn device_id(&self) -> &DeviceId {
        &self.device_id
    }

    /// Which of the device's channels it is.
    pub fn channel(&self) -> Channel<'a> {
        self.channel
    }
}

impl fmt::Display for Topic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "devices/{}/", self.device_id)?;
        match self.channel {
            Channel::Telemetry("") => f.write_str("telemetry"),
            Channel::Telemetry(below) => write!(f, "telemetry/{below}"),
            Channel::Status => f.write_str("status"),
            Channel::Commands("") => f.write_str("commands"),
            Channel::Commands(below) => write!(f, "commands/{below}"),
            Channel::CredentialRequest => f.write_str("credential/request"),
            Channel::CredentialResponse => f.write_str("credential/response"),
        }
    }
}

/// Why a text is no topic of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicError {
    /// It does not start with `devices/`.
    NotADevice,
    /// What stands where the device id should is none.
    DeviceId(DeviceIdError),
    /// What follows the device id is none of the five channels.
    NoChannel,
    /// A wildcard or NUL where only a name may stand (MQTT 5 §4.7).
    NotAName {
        /// That character.
        found: char,
    },
    /// Longer than an MQTT topic may be.
    TooLong {
        /// Its length in bytes, at most.
        length: usize,
    },
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotADevice => write!(f, "the topic does not start with devices/"),
            Self::DeviceId(error) => write!(f, "the topic names no device: {error}"),
            Self::NoChannel => write!(
                f,
                "the topic is none of a device's channels (telemetry, status, commands, credential/request, \
                 credential/response)"
            ),
            Self::NotAName { found } => write!(f, "the topic has {found:?}, which a topic name cannot have"),
            Self::TooLong { length } => {
                write!(f, "the topic would have {length} bytes, at most {MAX_TOPIC_LEN} fit")
            }
        }
    }
}

impl core::error::Error for TopicError {}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use proptest::prelude::*;
    use std::string::{String, ToString};

    #[test]
    fn a_longer_id_is_another_device() {
        let one = Topic::parse("devices/dev-1/status").unwrap();
        let ten = Topic::parse("devices/dev-10/status").unwrap();
        assert_ne!(one.device_id(), ten.device_id());
    }

    #[test]
    fn what_is_no_channel_is_refused() {
        for name in [
            "",
            "devices",
            "devices/",
            "devices/dev-1",
            "devices/dev-1/",
            "devices//status",
            "devices/dev-1/statusx",
            "devices/dev-1/status/x",
            "devices/dev-1/credential",
            "devices/dev-1/credential/request/x",
            "devices/dev-1/telemetry/",
            "devices/+/telemetry/x",
            "devices/dev-1/telemetry/#",
            "devices/dev-1/telemetry/+/x",
            "devices/dev-1/telemetry/a\0b",
            "/devices/dev-1/status",
            "devices/de v/status",
            "Devices/dev-1/status",
        ] {
            assert!(Topic::parse(name).is_err(), "{name:?} passed");
        }
    }

    fn channels() -> impl Strategy<Value = (u8, String)> {
        (0..5u8, "([a-z]{1,5}(/[a-z]{1,5}){0,3})?")
    }

    proptest! {
        #[test]
        fn both_directions_agree(id in "[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", (which, below) in channels()) {
            let id = DeviceId::new(&id).unwrap();
            let channel = match which {
                0 => Channel::Telemetry(&below),
                1 => Channel::Status,
                2 => Channel::Commands(&below),
                3 => Channel::CredentialRequest,
                _ => Channel::CredentialResponse,
            };
            let topic = Topic::new(&id, channel).unwrap();
            let text = topic.to_string();
            prop_assert_eq!(Topic::parse(&text), Ok(topic));
        }

        #[test]
        fn what_parses_prints_the_same(name in "devices/[a-z+#]{1,3}/(telemetry|status|commands|x)(/[a-z+#/]{0,8})?") {
            if let Ok(topic) = Topic::parse(&name) {
                prop_assert_eq!(topic.to_string(), name);
            }
        }
    }
}
