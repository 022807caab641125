//! One TCP connection: two ends, and the bytes on their way between them.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf, split};
use tokio::time::{Instant, sleep_until};

use super::path::{Broken, OneWayPath, Segment};

/// The bytes that may be on their way in one direction before the sender has to wait.
const WINDOW: usize = 16 * 1024;

/// The near ends of a connection, and the paths between them.
pub(super) struct Link {
    pub(super) device: DuplexStream,
    pub(super) broker: DuplexStream,
    pub(super) to_broker: OneWayPath,
    pub(super) to_device: OneWayPath,
    /// How it broke, for the device to see.
    pub(super) broken: Rc<Cell<Option<Broken>>>,
}

impl Link {
    /// Carries bytes until both directions have ended, or the connection breaks.
    pub(super) async fn carry(self) {
        let (from_device, to_device) = split(self.device);
        let (from_broker, to_broker) = split(self.broker);
        let there = carry(from_device, to_broker, self.to_broker);
        let back = carry(from_broker, to_device, self.to_device);
        if let Err(how) = tokio::try_join!(there, back) {
            self.broken.set(Some(how));
        }
    }
}

async fn carry(
    mut from: ReadHalf<DuplexStream>,
    mut to: WriteHalf<DuplexStream>,
    mut path: OneWayPath,
) -> Result<(), Broken> {
    let mut way = VecDeque::<Segment>::new();
    let mut on_way = 0;
    let mut ended = false;
    loop {
        let due = match way.front() {
            Some(Segment::Bytes { due, .. } | Segment::Break { due, .. }) => *due,
            // Behind a segment that never arrives nothing arrives, the end of the stream included.
            None if ended && path.is_blackholed => std::future::pending().await,
            None if ended => {
                let _ = to.shutdown().await;
                return Ok(());
            }
            None => path.last_due,
        };
        let longest = path.longest();
        let mut bytes = Vec::with_capacity(longest);
        tokio::select! {
            biased;
            () = arrival(due), if !way.is_empty() => match way.pop_front() {
                Some(Segment::Bytes { bytes, .. }) => {
                    on_way -= bytes.len();
                    to.write_all(&bytes).await.map_err(|_| Broken::Reset)?;
                }
                Some(Segment::Break { how, .. }) => return Err(how),
                None => {}
            },
            read = from.read_buf(&mut bytes), if !ended && on_way < WINDOW => match read {
                Ok(0) | Err(_) => ended = true,
                Ok(_) => {
                    on_way += bytes.len();
                    way.extend(path.send(bytes));
                }
            },
            // The window is full of segments that never arrive.
            else => std::future::pending().await,
        }
    }
}

/// A segment that is due arrives at once: the timer's resolution is a millisecond.
async fn arrival(due: Instant) {
    if due > Instant::now() {
        sleep_until(due).await;
    }
}
