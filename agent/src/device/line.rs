//! The sending side of a connection: packets onto the stream, each within a deadline.

use core::fmt;
use core::pin::pin;
use core::time::Duration;

use embedded_io_async::{Read, Write};

use super::ending::{Cause, Step};
use crate::mqtt::{Outgoing, Overflow, ReasonCode, ReceiveError, encode_disconnect};
use crate::platform::{Clock, within};
use crate::tls::{AuthenticatedStream, TlsError};

/// The line to a broker that has proved itself. What comes over it is the [`Inbox`](crate::mqtt::Inbox)'s affair.
pub(super) struct Line<'c, 'b, T: Read + Write, C> {
    pub(super) stream: AuthenticatedStream<'b, T>,
    pub(super) head: &'c mut [u8],
    pub(super) clock: &'c C,
    /// How long a write may take.
    pub(super) patience: Duration,
    /// The longest packet the broker takes, bytes.
    pub(super) limit: u32,
    /// When a packet last went out.
    pub(super) last_sent: Duration,
}

impl<T: Read + Write, C: Clock> Line<'_, '_, T, C> {
    /// Writes the packet that `encode` makes in the buffer for outgoing packets, and `payload` after it.
    pub(super) async fn send(
        &mut self,
        encode: impl FnOnce(&mut [u8]) -> Result<&[u8], Overflow>,
        payload: &[u8],
    ) -> Result<(), SendError> {
        let deadline = self.clock.now().saturating_add(self.patience);
        let packet = encode(self.head).map_err(|Overflow| SendError::Overflow)?;
        if packet.len().saturating_add(payload.len()) > usize::try_from(self.limit).unwrap_or(usize::MAX) {
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

    /// A PUBLISH with its payload.
    pub(super) async fn publish(
        &mut self,
        outgoing: &Outgoing<'_, impl fmt::Display>,
        payload: &[u8],
    ) -> Result<(), SendError> {
        self.send(|head| outgoing.encode(head), payload).await
    }

    /// Tells the broker why this is the end, if it still listens. What comes of it is the broker's affair.
    pub(super) async fn disconnect(&mut self, reason: ReasonCode) {
        let _ = self.send(|head| encode_disconnect(reason, head), &[]).await;
    }
}

/// Why a packet did not go out.
pub(super) enum SendError {
    Stream(TlsError),
    Deadline,
    /// The connection is as good as before: nothing has been sent.
    Overflow,
}

impl From<TlsError> for SendError {
    fn from(error: TlsError) -> Self {
        Self::Stream(error)
    }
}

impl SendError {
    /// The cause, with `read` saying what an error of the stream means at this time.
    pub(super) fn cause(self, read: impl FnOnce(TlsError) -> Cause) -> Cause {
        match self {
            Self::Stream(error) => read(error),
            Self::Deadline => Cause::Deadline(Step::Sending),
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
