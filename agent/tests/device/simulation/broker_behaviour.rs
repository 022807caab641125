//! How the simulated broker behaves; a test changes it.

use std::time::Duration;

use rmqtt_codec::v5::{ConnectAck, ConnectAckReason, Disconnect, PublishAckReason, SubscribeAckReason};

/// What the broker does with connections and packets.
#[derive(Clone, Debug)]
pub(super) struct BrokerBehaviour {
    pub(super) tls: TlsBehaviour,
    pub(super) connect_reply: ConnectReply,
    /// Whether it still has the session of the last connection.
    pub(super) keeps_session: bool,
    /// How long it takes for a PUBACK, if it ever sends one.
    pub(super) puback_delay: Option<Duration>,
    pub(super) puback_reason: PublishAckReason,
    /// The reason code of its SUBACK, if it sends one.
    pub(super) suback: Option<SubscribeAckReason>,
    /// Whether it answers pings.
    pub(super) pingresp: bool,
}

/// How the broker does the TLS handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TlsBehaviour {
    Complete,
    /// The broker does not know this device's CA: an alert, after the device has shown its certificate.
    UnknownDevice,
    /// It accepts the connection and says nothing.
    Silence,
    /// It closes the connection as soon as it is there.
    Close,
}

/// How the broker answers CONNECT.
#[derive(Clone, Debug)]
pub(super) enum ConnectReply {
    Answer(Box<ConnectAck>),
    Silence,
    /// close_notify.
    Close,
    /// The end of the stream without close_notify.
    HangUp,
    /// A DISCONNECT in place of CONNACK, which MQTT does not allow.
    Disconnect(Box<Disconnect>),
}

impl BrokerBehaviour {
    /// A broker without a fault.
    pub(super) fn good() -> Self {
        Self {
            tls: TlsBehaviour::Complete,
            connect_reply: ConnectReply::Answer(Box::default()),
            keeps_session: true,
            puback_delay: Some(Duration::ZERO),
            puback_reason: PublishAckReason::Success,
            suback: Some(SubscribeAckReason::GrantedQos1),
            pingresp: true,
        }
    }

    /// Has it take everything and answer nothing.
    pub(super) fn stop_answering(&mut self) {
        self.puback_delay = None;
        self.suback = None;
        self.pingresp = false;
    }

    /// Has it accept, with a CONNACK changed by `change`.
    pub(super) fn accept_with(&mut self, change: impl FnOnce(&mut ConnectAck)) {
        let mut connack = ConnectAck::default();
        change(&mut connack);
        self.connect_reply = ConnectReply::Answer(Box::new(connack));
    }

    /// Has it refuse, with a CONNACK of this reason, and `countersign-retry-after` if there is one.
    pub(super) fn refuse(&mut self, reason_code: ConnectAckReason, retry_after: Option<&str>) {
        let user_properties = user_property(RETRY_AFTER, retry_after);
        let connack = ConnectAck { reason_code, user_properties, ..ConnectAck::default() };
        self.connect_reply = ConnectReply::Answer(Box::new(connack));
    }
}

/// The user properties of our broker, as they are on the wire.
pub(super) const TIME: &str = "countersign-time";
pub(super) const RETRY_AFTER: &str = "countersign-retry-after";

/// The user property of this name, if it has a value.
pub(super) fn user_property(name: &'static str, value: Option<&str>) -> rmqtt_codec::v5::UserProperties {
    value.map(|value| (name.into(), value.into())).into_iter().collect()
}
