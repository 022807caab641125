//! Acknowledgements and DISCONNECT from the client.

use std::num::NonZeroU16;
use std::time::Duration;

use mqtt::{
    Disconnect, DisconnectReasonCode, Packet, PublishAck, PublishAck2, PublishAck2Reason, PublishAckReason,
};

use super::SessionState;
use crate::session::effect::Effect;
use crate::session::end::SessionEnd;

impl SessionState {
    pub(super) fn handle_acknowledgement(&mut self, packet: Packet) -> Effect {
        match packet {
            Packet::PublishAck(ack) => {
                // An acknowledgement of an id that is not known any more is a repetition; nothing follows from it.
                self.outbox.acknowledged(ack.packet_id);
                Effect::None
            }
            Packet::PublishReceived(ack) => self.pubrec(&ack),
            Packet::PublishRelease(ack) => self.pubrel(ack.packet_id),
            Packet::PublishComplete(ack) => {
                self.outbox.completed(ack.packet_id);
                Effect::None
            }
            Packet::Disconnect(disconnect) => Effect::End(self.receive_disconnect(&disconnect)),
            _ => Effect::None,
        }
    }

    fn pubrec(&mut self, ack: &PublishAck) -> Effect {
        let id = ack.packet_id;
        if !matches!(ack.reason_code, PublishAckReason::Success | PublishAckReason::NoMatchingSubscribers) {
            self.outbox.rejected(id);
            return Effect::None;
        }
        let release = self.outbox.received(id).unwrap_or_else(|| {
            let reason_code = PublishAck2Reason::PacketIdNotFound;
            Packet::PublishRelease(PublishAck2 { packet_id: id, reason_code, ..PublishAck2::default() })
        });
        Effect::Reply(release)
    }

    fn pubrel(&mut self, id: NonZeroU16) -> Effect {
        let reason_code = if self.inbox.release(id) {
            PublishAck2Reason::Success
        } else {
            PublishAck2Reason::PacketIdNotFound
        };
        let complete = PublishAck2 { packet_id: id, reason_code, ..PublishAck2::default() };
        Effect::Reply(Packet::PublishComplete(complete))
    }

    /// DISCONNECT, which may change how long the session lasts (MQTT 5 §3.14.2.2.2).
    fn receive_disconnect(&mut self, disconnect: &Disconnect) -> SessionEnd {
        if let Some(seconds) = disconnect.session_expiry_interval_secs {
            if self.expiry.is_zero() && seconds > 0 {
                return SessionEnd::protocol(
                    DisconnectReasonCode::ProtocolError,
                    "DISCONNECT asks to keep a session that CONNECT asked to end",
                );
            }
            self.expiry = Duration::from_secs(u64::from(seconds)).min(self.limits.session_expiry_max);
        }
        let with_will = disconnect.reason_code != DisconnectReasonCode::NormalDisconnection;
        SessionEnd::Disconnected { with_will }
    }
}
