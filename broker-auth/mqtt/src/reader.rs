//! [`Reader`]: the receiving side of a connection.

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, ReadHalf};
use tokio::time::{Instant, timeout_at};

use crate::frame::{self, FrameError};
use crate::limits::ConnectionLimits;
use crate::transport::Transport;

/// How much is read at once. A constrained device's packets are far smaller, and every idle connection keeps one.
const READ_SIZE: usize = 2048;

/// Why nothing more can be read from a connection.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
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
pub struct Reader {
    half: ReadHalf<Box<dyn Transport>>,
    received: BytesMut,
    /// When the first byte of an unfinished packet arrived.
    partial_since: Option<Instant>,
    limits: Arc<ConnectionLimits>,
}

impl Reader {
    pub(crate) fn new(half: ReadHalf<Box<dyn Transport>>, limits: Arc<ConnectionLimits>) -> Self {
        Self { half, received: BytesMut::new(), partial_since: None, limits }
    }

    /// The next whole packet. Cancelling the future loses nothing.
    ///
    /// # Errors
    /// The client is gone, or too slow with the rest of a packet, or sent what is no packet.
    pub async fn frame(&mut self) -> Result<BytesMut, ReadError> {
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

    pub(crate) fn max_packet_size(&self) -> usize {
        self.limits.max_packet_size
    }

    /// Notes that the broker reads nothing at the moment: the rest of a packet may have arrived long ago, so its deadline
    /// starts anew.
    pub fn pause(&mut self) {
        self.partial_since = self.partial_since.map(|_| Instant::now());
    }

    /// The next whole packet, if it has already arrived.
    ///
    /// # Errors
    /// What arrived is no packet.
    pub fn buffered(&mut self) -> Result<Option<BytesMut>, ReadError> {
        let frame = frame::take(&mut self.received, self.limits.max_packet_size)?;
        if frame.is_some() {
            self.partial_since = (!self.received.is_empty()).then(Instant::now);
        }
        Ok(frame)
    }
}
