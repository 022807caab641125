//! One client's byte stream: frames in, packets out, and a deadline for everything half done.

use std::io;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{Instant, timeout, timeout_at};

use crate::config::Limits;
use crate::packet::frame::{self, FrameError};
use crate::packet::wire::{Malformed, Oversize, Wire};
use crate::packet::{Packet, Version};

/// What a connection is made of: TLS over TCP, or whatever else the listener has secured.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// How much is read at once. A constrained device's packets are far smaller, and every idle connection keeps one.
const READ_SIZE: usize = 2048;

/// Unwritten bytes beyond which nothing more is read from the client: its answers would only add to them.
const HIGH_WATER: usize = 64 * 1024;

/// Unwritten bytes up to which messages for the client are added. Below the mark for reading, so that a client that is
/// slower than its messages is still heard: its pings and acknowledgements wait for no queue to be empty.
const FILL_WATER: usize = HIGH_WATER / 2;

/// Why nothing more can be read from a connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The client is gone, with or without a TLS close_notify.
    #[error("the connection was closed")]
    Closed,
    /// The network, or TLS, failed.
    #[error("the connection failed: {0}")]
    Io(#[source] io::Error),
    /// The rest of a packet did not arrive in time.
    #[error("the rest of a packet did not arrive within {seconds} s")]
    HalfSent {
        /// How long the client had.
        seconds: u64,
    },
    /// What arrived is no packet.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// The receiving side.
pub(crate) struct Reader {
    half: ReadHalf<Box<dyn Transport>>,
    received: BytesMut,
    /// When the first byte of an unfinished packet arrived.
    partial_since: Option<Instant>,
    limits: Limits,
}

impl Reader {
    /// The next whole packet. Cancelling the future loses nothing.
    pub(crate) async fn frame(&mut self) -> Result<BytesMut, ReadError> {
        loop {
            if let Some(frame) = self.buffered()? {
                return Ok(frame);
            }
            self.received.reserve(READ_SIZE);
            let read = self.half.read_buf(&mut self.received);
            let read = match self.partial_since {
                None => read.await,
                Some(since) => match timeout_at(since + self.limits.packet_timeout, read).await {
                    Ok(read) => read,
                    Err(_) => {
                        return Err(ReadError::HalfSent { seconds: self.limits.packet_timeout.as_secs() });
                    }
                },
            };
            match read {
                Ok(0) => return Err(ReadError::Closed),
                Ok(_) => {
                    self.partial_since.get_or_insert_with(Instant::now);
                }
                // A peer that goes without close_notify is an ordinary event with devices.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(ReadError::Closed),
                Err(error) => return Err(ReadError::Io(error)),
            }
        }
    }

    /// Nothing is read at the moment, for reasons of ours: the rest of a packet may be there for long.
    pub(crate) fn rests(&mut self) {
        self.partial_since = self.partial_since.map(|_| Instant::now());
    }

    /// The next whole packet, if it has already arrived.
    pub(crate) fn buffered(&mut self) -> Result<Option<BytesMut>, ReadError> {
        let frame = frame::take(&mut self.received, self.limits.max_packet_size)?;
        if frame.is_some() {
            self.partial_since = (!self.received.is_empty()).then(Instant::now);
        }
        Ok(frame)
    }
}

/// The sending side: a buffer, and what empties it.
pub(crate) struct Writer {
    half: WriteHalf<Box<dyn Transport>>,
    unsent: BytesMut,
    unflushed: bool,
    /// Since when the client takes nothing off us.
    stalled_since: Option<Instant>,
    limits: Limits,
}

/// The client takes nothing off us, or is gone.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// The network, or TLS, failed.
    #[error("the connection failed: {0}")]
    Io(#[source] io::Error),
    /// Nothing was taken for too long.
    #[error("the client accepted nothing for {seconds} s")]
    Stalled {
        /// How long it had.
        seconds: u64,
    },
}

impl Writer {
    /// Whether there is anything to write.
    pub(crate) fn has_work(&self) -> bool {
        self.unflushed || !self.unsent.is_empty()
    }

    /// Whether the client is so far behind that nothing more should be read from it.
    pub(crate) fn is_full(&self) -> bool {
        self.unsent.len() >= HIGH_WATER
    }

    /// Whether messages for the client may be added.
    pub(crate) fn has_room(&self) -> bool {
        self.unsent.len() < FILL_WATER
    }

    /// Writes a part of what is unsent. Cancelling the future loses nothing.
    pub(crate) async fn write_some(&mut self) -> Result<(), WriteError> {
        let since = *self.stalled_since.get_or_insert_with(Instant::now);
        let deadline = since + self.limits.write_timeout;
        let written = timeout_at(deadline, async {
            if self.unsent.has_remaining() {
                self.unflushed = true;
                let written = self.half.write(&self.unsent).await?;
                if written == 0 {
                    return Err(io::ErrorKind::WriteZero.into());
                }
                self.unsent.advance(written);
            } else {
                self.half.flush().await?;
                self.unflushed = false;
            }
            Ok(())
        });
        match written.await {
            Ok(Ok(())) => {
                self.stalled_since = None;
                Ok(())
            }
            Ok(Err(error)) => Err(WriteError::Io(error)),
            Err(_) => Err(WriteError::Stalled { seconds: self.limits.write_timeout.as_secs() }),
        }
    }
}

/// A connection whose CONNECT has been read.
pub(crate) struct Connection {
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
    wire: Wire,
}

/// Splits a fresh transport.
pub(crate) fn open(transport: Box<dyn Transport>, limits: &Limits) -> (Reader, Writer) {
    let (read, write) = tokio::io::split(transport);
    let reader =
        Reader { half: read, received: BytesMut::new(), partial_since: None, limits: limits.clone() };
    let writer = Writer {
        half: write,
        unsent: BytesMut::new(),
        unflushed: false,
        stalled_since: None,
        limits: limits.clone(),
    };
    (reader, writer)
}

impl Connection {
    pub(crate) fn new(reader: Reader, writer: Writer, wire: Wire) -> Self {
        Self { reader, writer, wire }
    }

    pub(crate) fn version(&self) -> Version {
        self.wire.version()
    }

    /// Decodes one whole packet.
    pub(crate) fn decode(&mut self, frame: BytesMut) -> Result<Packet, Malformed> {
        self.wire.decode(frame)
    }

    /// Puts a packet into the buffer.
    pub(crate) fn send(&mut self, packet: Packet) -> Result<(), Oversize> {
        self.wire.encode(packet, &mut self.writer.unsent)
    }

    /// Sends a last packet and closes, within `patience`: a client that reads nothing must not keep its session.
    pub(crate) async fn close(mut self, last: Option<Packet>, patience: std::time::Duration) {
        if let Some(packet) = last {
            // A last word that is too long for the client goes unsaid.
            let _ = self.send(packet);
        }
        let _ = timeout(patience, async {
            while self.writer.has_work() {
                self.writer.write_some().await?;
            }
            self.writer.half.shutdown().await.map_err(WriteError::Io)
        })
        .await;
    }
}
