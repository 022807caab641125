//! Acknowledgements from the client, and its good-bye.

use std::num::NonZeroU16;
use std::time::Duration;

use super::end::End;
use super::life::Session;
use super::online::reply;
use mqtt::frame::FrameError;
use mqtt::{Connection, ReadError};
use mqtt::{
    Disconnect, DisconnectReasonCode, Packet, PublishAck, PublishAck2, PublishAck2Reason, PublishAckReason,
};

impl Session {
    pub(super) fn puback(&mut self, id: NonZeroU16) -> Result<(), End> {
        // An acknowledgement of something we no longer know is a repetition; nothing follows from it.
        self.outbox.acknowledged(id);
        Ok(())
    }

    pub(super) fn pubrec(&mut self, connection: &mut Connection, ack: &PublishAck) -> Result<(), End> {
        let id = ack.packet_id;
        if !matches!(ack.reason_code, PublishAckReason::Success | PublishAckReason::NoMatchingSubscribers) {
            self.outbox.rejected(id);
            return Ok(());
        }
        let release = self.outbox.received(id).unwrap_or_else(|| {
            let reason_code = PublishAck2Reason::PacketIdNotFound;
            Packet::PublishRelease(PublishAck2 { packet_id: id, reason_code, ..PublishAck2::default() })
        });
        reply(connection, release)
    }

    pub(super) fn pubrel(&mut self, connection: &mut Connection, id: NonZeroU16) -> Result<(), End> {
        let reason_code = if self.inbox.release(id) {
            PublishAck2Reason::Success
        } else {
            PublishAck2Reason::PacketIdNotFound
        };
        reply(
            connection,
            Packet::PublishComplete(PublishAck2 { packet_id: id, reason_code, ..PublishAck2::default() }),
        )
    }

    pub(super) fn pubcomp(&mut self, id: NonZeroU16) -> Result<(), End> {
        self.outbox.completed(id);
        Ok(())
    }

    /// DISCONNECT from the client, which may change how long its session lasts (MQTT 5 §3.14.2.2.2).
    pub(super) fn goodbye(&mut self, disconnect: &Disconnect) -> End {
        if let Some(seconds) = disconnect.session_expiry_interval_secs {
            if self.expiry.is_zero() && seconds > 0 {
                return End::protocol(
                    DisconnectReasonCode::ProtocolError,
                    "DISCONNECT asks to keep a session that CONNECT asked to end",
                );
            }
            self.expiry = Duration::from_secs(u64::from(seconds)).min(self.limits.session_expiry_max);
        }
        End::Disconnected { with_will: disconnect.reason_code != DisconnectReasonCode::NormalDisconnection }
    }
}

impl End {
    /// The end that follows from a failed read.
    pub(super) fn read(error: ReadError) -> Self {
        match error {
            ReadError::Frame(frame @ FrameError::TooLarge { .. }) => {
                Self::protocol(DisconnectReasonCode::PacketTooLarge, frame.to_string())
            }
            ReadError::Frame(frame) => {
                Self::protocol(DisconnectReasonCode::MalformedPacket, frame.to_string())
            }
            other => Self::Lost(other),
        }
    }
}
