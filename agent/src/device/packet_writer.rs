//! The sending side of a connection: packets onto the stream, each within a deadline.

use core::fmt;
use core::pin::pin;
use core::time::Duration;

use embedded_io_async::{Read, Write};

use super::connection_end::{Cause, Deadline};
use crate::mqtt::{OutgoingPublish, Overflow, ReasonCode, ReceiveError, encode_disconnect};
use crate::platform::{Clock, within};
use crate::tls::{AuthenticatedStream, TlsError};

/// Writes packets to a broker that has proved itself. Those of the broker are read by the
/// [`Inbox`](crate::mqtt::Inbox), from the same stream.
pub(super) struct PacketWriter<'c, 'b, T: Read + Write, C> {
    pub(super) stream: AuthenticatedStream<'b, T>,
    /// Where packets are encoded, without their payloads.
    pub(super) head: &'c mut [u8],
    pub(super) clock: &'c C,
    /// How long a write may take.
    pub(super) timeout: Duration,
    /// The longest packet the broker takes, bytes.
    pub(super) maximum_packet_size: u32,
    /// When a packet last went out.
    pub(super) last_sent: Duration,
}

impl<T: Read + Write, C: Clock> PacketWriter<'_, '_, T, C> {
    /// Writes the packet that `encode` makes in the buffer for outgoing packets, and `payload` after it.
    pub(super) async fn send(
        &mut self,
        encode: impl FnOnce(&mut [u8]) -> Result<&[u8], Overflow>,
        payload: &[u8],
    ) -> Result<(), SendError> {
        let deadline = self.clock.now().saturating_add(self.timeout);
        let packet = encode(self.head).map_err(|Overflow| SendError::Overflow)?;
        let longest = usize::try_from(self.maximum_packet_size).unwrap_or(usize::MAX);
        if packet.len().saturating_add(payload.len()) > longest {
            return Err(SendError::Overflow);
        }
        let stream = &mut self.stream;
        let write = pin!(async {
            stream.write_all(packet).await?;
            stream.write_all(payload).await?;
            stream.flush().await
        });
        within(self.clock, deadline, write).await.ok_or(SendError::Deadline)??;
        self.last_sent = self.clock.now();
        Ok(())
    }

    /// Writes a PUBLISH with its payload.
    pub(super) async fn publish(
        &mut self,
        publish: &OutgoingPublish<'_, impl fmt::Display>,
        payload: &[u8],
    ) -> Result<(), SendError> {
        self.send(|head| publish.encode(head), payload).await
    }

    /// Tells the broker why this is the end. The connection ends in any case, so a failure makes no difference.
    pub(super) async fn disconnect(&mut self, reason: ReasonCode) {
        let _ = self.send(|head| encode_disconnect(reason, head), &[]).await;
    }
}

/// Why a packet did not go out.
pub(super) enum SendError {
    /// The stream failed.
    Stream(TlsError),
    /// The write took too long.
    Deadline,
    /// The packet does not fit. Nothing has been sent, and the connection is as good as before.
    Overflow,
}

impl From<TlsError> for SendError {
    fn from(error: TlsError) -> Self {
        Self::Stream(error)
    }
}

impl SendError {
    /// The cause of the connection's end, with `read` saying what an error of the stream means at this time.
    pub(super) fn cause(self, read: impl FnOnce(TlsError) -> Cause) -> Cause {
        match self {
            Self::Stream(error) => read(error),
            Self::Deadline => Cause::Deadline(Deadline::Write),
            Self::Overflow => Cause::Overflow,
        }
    }
}

/// The cause in a failure to receive, with `read` and `closed` saying what the stream's end means at this time.
pub(super) fn receive_cause(
    error: ReceiveError<TlsError>,
    read: impl FnOnce(TlsError) -> Cause,
    closed: Cause,
) -> Cause {
    match error {
        ReceiveError::Stream(error) => read(error),
        ReceiveError::Closed => closed,
        ReceiveError::Packet(error) => Cause::Protocol(error),
    }
}
