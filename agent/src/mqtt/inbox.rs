//! Bytes of a stream → whole packets, in one buffer.

use embedded_io_async::Read;

use super::error::PacketError;
use super::incoming::Incoming;
use super::wire::Reader;

/// Assembles packets. Everything it knows is in here and in the stream, so [`next`](Self::next) can be dropped at any
/// byte and called again.
pub struct Inbox<'b> {
    buffer: &'b mut [u8],
    /// Bytes of `buffer` that have arrived.
    filled: usize,
    /// The packet at the front, once it is whole.
    front: Option<Frame>,
}

/// Where a packet lies in the buffer, which it starts.
#[derive(Clone, Copy)]
struct Frame {
    body: usize,
    end: usize,
}

/// Why there is no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveError<E> {
    /// The stream failed.
    #[error("{0}")]
    Stream(E),
    /// The broker closed the stream.
    #[error("the broker closed the connection")]
    Closed,
    /// What arrived is no packet for this client.
    #[error(transparent)]
    Packet(#[from] PacketError),
}

impl<'b> Inbox<'b> {
    /// An empty inbox. The length of `buffer` is the longest packet it takes.
    pub const fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, filled: 0, front: None }
    }

    /// The longest packet it takes, in bytes, header included.
    pub fn limit(&self) -> u32 {
        u32::try_from(self.buffer.len()).unwrap_or(u32::MAX)
    }

    /// Waits for the next packet, and forgets the one before. May be dropped if reads of `stream` may.
    pub async fn next<R: Read>(&mut self, stream: &mut R) -> Result<Incoming<'_>, ReceiveError<R::Error>> {
        self.arrive(stream).await?;
        Ok(self.packet()?)
    }

    /// Waits until a whole packet is at the front, and forgets the one before.
    ///
    /// Apart from [`packet`](Self::packet), so that the wait can be one of several while nothing is borrowed.
    pub async fn arrive<R: Read>(&mut self, stream: &mut R) -> Result<(), ReceiveError<R::Error>> {
        if let Some(Frame { end, .. }) = self.front.take() {
            self.buffer.copy_within(end..self.filled, 0);
            self.filled -= end;
        }
        loop {
            if let Some(frame) = self.frame()? {
                self.front = Some(frame);
                return Ok(());
            }
            // `frame` has refused a packet that needs more than there is.
            let free = self.buffer.get_mut(self.filled..).unwrap_or_default();
            match stream.read(free).await.map_err(ReceiveError::Stream)? {
                0 => return Err(ReceiveError::Closed),
                length => self.filled = self.filled.saturating_add(length).min(self.buffer.len()),
            }
        }
    }

    /// The packet at the front.
    pub fn packet(&self) -> Result<Incoming<'_>, PacketError> {
        let Some(Frame { body, end }) = self.front else { return Err(PacketError::Truncated) };
        let first = self.buffer.first().copied().unwrap_or_default();
        Incoming::parse(first, self.buffer.get(body..end).ok_or(PacketError::Truncated)?)
    }

    /// Where the packet at the front lies, if all of it has arrived.
    fn frame(&self) -> Result<Option<Frame>, PacketError> {
        let arrived = self.buffer.get(..self.filled).unwrap_or_default();
        let mut header = Reader::new(arrived.get(1..).unwrap_or_default());
        let length = match header.variable() {
            Ok(length) => length,
            Err(PacketError::Truncated) => return Ok(None),
            Err(error) => return Err(error),
        };
        let body = arrived.len() - header.rest().len();
        let too_long =
            || PacketError::TooLong { length: length.saturating_add(body as u32), limit: self.limit() };
        let end = usize::try_from(length).ok().and_then(|length| body.checked_add(length));
        let end = end.filter(|end| *end <= self.buffer.len()).ok_or_else(too_long)?;
        Ok((end <= arrived.len()).then_some(Frame { body, end }))
    }
}
