//! [`Protocol`]: what a client speaks.

use integration_tests::mqtt::Version;

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Protocol {
    Mqtt311,
    Mqtt5,
    Https,
}

impl Protocol {
    pub(crate) const ALL: [Self; 3] = [Self::Mqtt311, Self::Mqtt5, Self::Https];

    /// As it stands in the names of devices.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mqtt311 => "mqtt311",
            Self::Mqtt5 => "mqtt5",
            Self::Https => "https",
        }
    }

    /// The version, if it is MQTT.
    pub(crate) fn mqtt(self) -> Option<Version> {
        match self {
            Self::Mqtt311 => Some(Version::V311),
            Self::Mqtt5 => Some(Version::V5),
            Self::Https => None,
        }
    }
}
