//! The record guard without embedded-tls above it, for a fuzzer that wants to see what it hands up.

use embedded_io_async::{Read, Write};

use super::buffers::Buffers;
use super::guard::Guard;
use super::latch::Latch;
use super::record::RecordFault;

/// A record guard whose reads and writes are its user's own.
///
/// An error says why the connection is shut; `None` would be a guard that has failed and not shut it.
pub struct BareGuard<'b, T> {
    guard: Guard<'b, T>,
    latch: &'b Latch,
}

impl<'b, T: Read + Write> BareGuard<'b, T> {
    /// Before the ClientHello is written.
    pub fn new(transport: T, buffers: &'b mut Buffers) -> Self {
        let (record, _, _, latch) = buffers.split();
        Self { guard: Guard::new(transport, record, latch), latch }
    }

    /// Some bytes of the next record, or of what is left of the current one.
    pub async fn read(&mut self, into: &mut [u8]) -> Result<usize, Option<RecordFault>> {
        let read = self.guard.read(into).await;
        read.map_err(|_| self.latch.fault())
    }

    /// A whole record of the client.
    pub async fn write(&mut self, record: &[u8]) -> Result<usize, Option<RecordFault>> {
        let written = self.guard.write(record).await;
        written.map_err(|_| self.latch.fault())
    }
}
