//! What client and broker agree on, and CONNACK, which says so.

use std::num::NonZeroU16;
use std::time::Duration;

use crate::limits::SessionLimits;
use authenticator::policy::{ClientIdBinding, Permit};
use authenticator::reason::{Reason, Refusal};
use device_identity::user_property::TIME;
use mqtt::{Connect, ConnectAck, ConnectAckReason, Packet, QoS, Text, Version};

/// What client and broker agree on for one connection.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// How long the session may outlive the connection.
    pub(super) expiry: Duration,
    /// How many messages to the client may be unacknowledged.
    pub(super) window: usize,
    /// How many messages from the client may be unacknowledged.
    pub(super) receive_max: u16,
    /// How long the client may be silent.
    pub(super) silence: Option<Duration>,
    /// How many topic aliases the client may use (MQTT 5 §3.3.2.3.4).
    pub(super) topic_aliases: u16,
    assigned: Option<Text>,
    keep_alive_lowered: Option<u16>,
    expiry_lowered: Option<u32>,
    max_packet_size: u32,
    /// Whether the client may have shared subscriptions.
    shared: bool,
}

/// What the terms of a connection depend on.
#[derive(Clone, Copy)]
pub(super) struct TermsRequest<'a> {
    pub(super) connect: &'a Connect,
    pub(super) binding: &'a ClientIdBinding,
    pub(super) permit: &'a Permit,
    pub(super) limits: &'a SessionLimits,
    pub(super) version: Version,
    /// The longest packet that is read from the client, in bytes.
    pub(super) max_packet_size: usize,
}

impl Terms {
    /// Grants what the client asks for, as far as the limits go.
    pub(super) fn settle(request: &TermsRequest<'_>) -> Self {
        let TermsRequest { connect, binding, permit, limits, version, max_packet_size } = *request;
        let longest = if permit.may_leave_anything() {
            u32::try_from(limits.session_expiry_max.as_secs()).unwrap_or(u32::MAX)
        } else {
            0
        };
        let asked = connect.session_expiry_interval_secs;
        let granted = asked.min(longest);
        // A client of 3.1.1 cannot be told of another keep-alive, so it gets what it asked for, never included.
        let longest_silence = limits.max_keep_alive.get();
        let keep_alive = match (version, connect.keep_alive) {
            (Version::V5, 0) => longest_silence,
            (Version::V5, asked) => asked.min(longest_silence),
            (Version::V3, asked) => asked,
        };
        Self {
            expiry: Duration::from_secs(u64::from(granted)),
            window: usize::from(
                connect.receive_max.map_or(u16::MAX, NonZeroU16::get).min(limits.max_inflight),
            ),
            // A client of 3.1.1 cannot be told of a limit, and need not keep one.
            receive_max: match version {
                Version::V5 => limits.max_inflight.max(1),
                Version::V3 => u16::MAX,
            },
            silence: (keep_alive > 0).then(|| Duration::from_secs(u64::from(keep_alive)) * 3 / 2),
            topic_aliases: limits.max_topic_aliases,
            assigned: match binding {
                ClientIdBinding::Assigned(id) => Some(Text::from(id.as_str().to_owned())),
                ClientIdBinding::Requested(_) => None,
            },
            keep_alive_lowered: (keep_alive != connect.keep_alive).then_some(keep_alive),
            expiry_lowered: (granted != asked).then_some(granted),
            max_packet_size: u32::try_from(max_packet_size).unwrap_or(u32::MAX),
            shared: permit.allows_shared(),
        }
    }

    /// The CONNACK that says so. `now` is the unix time the device may set its clock by.
    pub(super) fn connack(&self, session_present: bool, now: u64) -> Packet {
        Packet::ConnectAck(Box::new(ConnectAck {
            session_present,
            reason_code: ConnectAckReason::Success,
            session_expiry_interval_secs: self.expiry_lowered,
            receive_max: NonZeroU16::new(self.receive_max).unwrap_or(NonZeroU16::MIN),
            max_qos: QoS::ExactlyOnce,
            max_packet_size: Some(self.max_packet_size),
            assigned_client_id: self.assigned.clone(),
            topic_alias_max: self.topic_aliases,
            shared_subscription_available: self.shared,
            server_keepalive_sec: self.keep_alive_lowered,
            user_properties: vec![(Text::from_static(TIME), Text::from(now.to_string()))],
            ..ConnectAck::default()
        }))
    }
}

/// The CONNACK of a refusal: the reason code that comes nearest, and the reason itself in words.
pub fn refuse(refusal: &Refusal) -> Packet {
    let code = match refusal.reason {
        Reason::ClientIdMismatch => ConnectAckReason::ClientIdentifierNotValid,
        Reason::RateLimited => ConnectAckReason::ServerBusy,
        Reason::SecondFactor => ConnectAckReason::BadUserNameOrPassword,
        _ => ConnectAckReason::NotAuthorized,
    };
    refuse_with(code, refusal.reason.as_str())
}

/// The CONNACK of a refusal that has nothing to do with who the client is.
pub fn refuse_with(code: ConnectAckReason, why: &'static str) -> Packet {
    Packet::ConnectAck(Box::new(ConnectAck {
        reason_code: code,
        reason_string: Some(Text::from_static(why)),
        ..ConnectAck::default()
    }))
}
