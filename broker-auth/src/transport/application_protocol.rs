//! [`MqttAlpn`]: which application protocol a handshake for MQTT agrees on.

/// MQTT's name in the registry of application protocols.
const MQTT: &[u8] = b"mqtt";

/// Whether clients of MQTT must offer the application protocol `mqtt` (ALPN, RFC 7301).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MqttAlpn {
    /// It is agreed on where it is offered. Clients that offer none, or others, are served without one: many MQTT
    /// clients name a cloud's protocol, or what their HTTP stack would.
    #[default]
    Accept,
    /// A client that does not offer it is refused.
    Require,
}

impl MqttAlpn {
    /// What to agree on with a client that offers these protocols; `None`: it is refused.
    pub fn agree<'a>(self, offered: impl IntoIterator<Item = &'a [u8]>) -> Option<&'static [&'static [u8]]> {
        match (offered.into_iter().any(|protocol| protocol == MQTT), self) {
            (true, _) => Some(&[MQTT]),
            // rustls refuses a client whose protocols it has none of, unless it has none at all.
            (false, Self::Accept) => Some(&[]),
            (false, Self::Require) => None,
        }
    }
}
