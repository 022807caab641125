//! [`Writer`]: the sending side of a connection.

use std::io;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncWriteExt, WriteHalf};
use tokio::time::{Instant, timeout_at};

use crate::limits::ConnectionLimits;
use crate::transport::Transport;

/// Unwritten bytes beyond which nothing more is read from the client: its answers would only add to them.
const HIGH_WATER: usize = 64 * 1024;

/// Unwritten bytes up to which messages for the client are added. Below the mark for reading, so that a client that is
/// slower than its messages is still heard: its pings and acknowledgements wait for no queue to be empty.
const FILL_WATER: usize = HIGH_WATER / 2;

/// The sending side: a buffer, and what empties it.
pub struct Writer {
    half: WriteHalf<Box<dyn Transport>>,
    unsent: BytesMut,
    unflushed: bool,
    /// Since when the client has taken nothing.
    stalled_since: Option<Instant>,
    limits: Arc<ConnectionLimits>,
}

/// Why nothing more can be written to a connection.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
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
    pub(crate) fn new(half: WriteHalf<Box<dyn Transport>>, limits: Arc<ConnectionLimits>) -> Self {
        Self { half, unsent: BytesMut::new(), unflushed: false, stalled_since: None, limits }
    }

    /// Where packets to be written are put.
    pub(crate) fn buffer(&mut self) -> &mut BytesMut {
        &mut self.unsent
    }

    /// Writes all that is unsent, and closes.
    pub(crate) async fn finish(&mut self) -> Result<(), WriteError> {
        while self.has_work() {
            self.write_some().await?;
        }
        self.half.shutdown().await.map_err(WriteError::Io)
    }

    /// Whether there is anything to write.
    pub fn has_work(&self) -> bool {
        self.unflushed || !self.unsent.is_empty()
    }

    /// Whether the client is so far behind that nothing more should be read from it.
    pub fn is_full(&self) -> bool {
        self.unsent.len() >= HIGH_WATER
    }

    /// Whether messages for the client may be added.
    pub fn has_room(&self) -> bool {
        self.unsent.len() < FILL_WATER
    }

    /// Writes a part of what is unsent. Cancelling the future loses nothing.
    ///
    /// # Errors
    /// The client is gone, or takes nothing.
    pub async fn write_some(&mut self) -> Result<(), WriteError> {
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
