//! How the broker behaves, until the test has it behave otherwise.

use std::time::Duration;

use rmqtt_codec::v5::{ConnectAck, ConnectAckReason, Disconnect, PublishAckReason, SubscribeAckReason};

/// What the broker does with what it gets.
#[derive(Clone, Debug)]
pub(super) struct Manners {
    pub(super) handshake: Handshake,
    pub(super) introduction: Introduction,
    /// Whether it still has the session of the last connection.
    pub(super) remembers: bool,
    /// How long it takes for a PUBACK, if it ever sends one.
    pub(super) puback: Option<Duration>,
    pub(super) verdict: PublishAckReason,
    /// What it says to SUBSCRIBE, if it says anything.
    pub(super) suback: Option<SubscribeAckReason>,
    /// Whether it answers pings.
    pub(super) pingresp: bool,
}

/// What becomes of the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handshake {
    Honest,
    /// The broker does not know this device's CA: an alert, after the device has shown its certificate.
    UnknownDevice,
    /// It accepts the connection and says nothing.
    Silence,
    /// It closes the connection as soon as it is there.
    Close,
}

/// What the broker says to CONNECT.
#[derive(Clone, Debug)]
pub(super) enum Introduction {
    Answer(Box<ConnectAck>),
    Silence,
    /// close_notify.
    Close,
    /// The end of the stream without close_notify.
    HangUp,
    /// A DISCONNECT, as if the session were there already.
    Disconnect(Box<Disconnect>),
}

impl Manners {
    /// A broker without a fault.
    pub(super) fn good() -> Self {
        Self {
            handshake: Handshake::Honest,
            introduction: Introduction::Answer(Box::default()),
            remembers: true,
            puback: Some(Duration::ZERO),
            verdict: PublishAckReason::Success,
            suback: Some(SubscribeAckReason::GrantedQos1),
            pingresp: true,
        }
    }

    /// It takes everything and says nothing.
    pub(super) fn falls_silent(&mut self) {
        self.puback = None;
        self.suback = None;
        self.pingresp = false;
    }

    /// It says yes, with what `change` adds.
    pub(super) fn accepts(&mut self, change: impl FnOnce(&mut ConnectAck)) {
        let mut connack = ConnectAck::default();
        change(&mut connack);
        self.introduction = Introduction::Answer(Box::new(connack));
    }

    /// It says no, and perhaps when to come again.
    pub(super) fn refuses(&mut self, reason_code: ConnectAckReason, retry_after: Option<&str>) {
        let user_properties = hint(RETRY_AFTER, retry_after);
        let connack = ConnectAck { reason_code, user_properties, ..ConnectAck::default() };
        self.introduction = Introduction::Answer(Box::new(connack));
    }
}

/// The user properties of a broker of ours.
pub(super) const TIME: &str = "countersign-time";
pub(super) const RETRY_AFTER: &str = "countersign-retry-after";

/// The user property of this name, if it has a value.
pub(super) fn hint(name: &'static str, value: Option<&str>) -> rmqtt_codec::v5::UserProperties {
    value.map(|value| (name.into(), value.into())).into_iter().collect()
}
