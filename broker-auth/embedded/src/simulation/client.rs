//! [`Client`]: one simulated client, its session's state, and its model.

use std::num::NonZeroU16;
use std::sync::Arc;

use authenticator::for_test;
use authenticator::policy::{ClientIdRule, Permit};
use authenticator::trust::Role;
use bytes::BytesMut;
use mqtt::wire::Wire;
use mqtt::{Connect, Packet, Version};
use tokio::time::Instant;

use super::model::Model;
use crate::limits::SessionLimits;
use crate::session::{SessionInfo, SessionState, SharedState};

/// A will, as the model knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ModelWill {
    pub(super) number: u64,
    pub(super) delay_seconds: u32,
}

/// One simulated client.
pub(super) struct Client {
    pub(super) name: String,
    pub(super) version: Version,
    pub(super) permit: Permit,
    pub(super) limits: Arc<SessionLimits>,
    pub(super) state: SessionState,
    /// The codec of the present connection, on the broker's side.
    pub(super) wire: Option<Wire>,
    /// When the last connection ended.
    pub(super) gone: Instant,
    pub(super) model: Model,
    pub(super) will: Option<ModelWill>,
    pub(super) window: usize,
    pub(super) next_id: u16,
    /// It has a shared subscription, and no other.
    pub(super) shares: bool,
}

/// Topics that every client may publish to, and one that none may.
pub(super) const TOPICS: [&str; 5] = ["t/a", "t/b", "t/b/c", "t/d", "other"];

impl Client {
    pub(super) fn new(number: usize, shared: &Arc<SharedState>, now: Instant) -> Self {
        let name = format!("dev-{number}");
        let policy = for_test::policy(ClientIdRule::MustEqual, &["t/#"], &["t/#", "$share/+/t/#"]);
        let permit = for_test::permit(&for_test::verified_client(&name, Role::Device), policy);
        let limits = Arc::new(SessionLimits { max_inflight: 4, ..SessionLimits::default() });
        let binding = for_test::client_id(&permit, &name, "1");
        let state = SessionState::new(
            Arc::clone(shared),
            Arc::new(SessionInfo::default()),
            binding.client_id().clone(),
            permit.clone(),
            Arc::clone(&limits),
        );
        Self {
            version: if number.is_multiple_of(2) { Version::V5 } else { Version::V3 },
            name,
            permit,
            limits,
            state,
            wire: None,
            gone: now,
            model: Model::default(),
            will: None,
            window: 0,
            next_id: 1,
            shares: number >= 2,
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.wire.is_some()
    }

    /// A packet id that is not in use.
    pub(super) fn fresh_id(&mut self) -> NonZeroU16 {
        loop {
            self.next_id = self.next_id.checked_add(1).unwrap_or(1);
            let id = NonZeroU16::new(self.next_id).expect("not zero");
            if !self.model.unreleased.contains(&id) {
                return id;
            }
        }
    }
}

/// CONNECT as bytes, and what the broker makes of them. A client of 3.1.1 has no will here.
pub(super) fn connect_through_wire(version: Version, connect: Connect) -> (Wire, Box<Connect>) {
    let mut bytes = BytesMut::new();
    match version {
        Version::V5 => {
            let written = Wire::for_refusal(version).encode(Packet::Connect(Box::new(connect)), &mut bytes);
            written.expect("a CONNECT can be written");
        }
        Version::V3 => {
            let id = connect.client_id.as_bytes();
            let length = u8::try_from(12 + id.len()).expect("a short name");
            bytes.extend_from_slice(&[0x10, length, 0, 4]);
            bytes.extend_from_slice(b"MQTT");
            bytes.extend_from_slice(&[4, u8::from(connect.clean_start) << 1, 0, 0, 0, length - 12]);
            bytes.extend_from_slice(id);
        }
    }
    Wire::first(bytes).expect("a CONNECT is read back")
}

/// A packet of a client as bytes, and what the broker makes of them. The codec writes those of MQTT 5 alone.
pub(super) fn through_wire(wire: &mut Wire, packet: Packet) -> Packet {
    if wire.version() == Version::V3 {
        return packet;
    }
    let mut bytes = BytesMut::new();
    Wire::for_refusal(Version::V5).encode(packet, &mut bytes).expect("a packet can be written");
    wire.decode(bytes).expect("a packet is read back")
}
