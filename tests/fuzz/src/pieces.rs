//! A stream that arrives in pieces, to a reader that is dropped whenever it would have to wait.

use core::convert::Infallible;
use core::future::poll_fn;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use embedded_io_async::{ErrorType, Read, Write};

/// Hands out bytes as a pattern says, then ends; keeps what is written to it.
pub(crate) struct Pieces<'a> {
    bytes: &'a [u8],
    /// The size of one piece after the other, over and over; zero is a byte that has to be waited for. All of it at
    /// once if there is no pattern.
    pattern: &'a [u8],
    turn: usize,
    waited: bool,
    pub(crate) written: Vec<u8>,
    /// How many more writes are taken; the others wait for ever.
    pub(crate) takes: usize,
}

impl<'a> Pieces<'a> {
    pub(crate) fn new(bytes: &'a [u8], pattern: &'a [u8]) -> Self {
        Self { bytes, pattern, turn: 0, waited: false, written: Vec::new(), takes: usize::MAX }
    }

    /// The size of the next piece; `None` if it has to be waited for.
    fn next_size(&mut self) -> Option<usize> {
        let Some(&size) = self.pattern.get(self.turn % self.pattern.len().max(1)) else {
            return Some(usize::MAX);
        };
        if size == 0 && !self.waited {
            self.waited = true;
            return None;
        }
        self.waited = false;
        self.turn += 1;
        Some(usize::from(size.max(1)))
    }
}

impl ErrorType for Pieces<'_> {
    type Error = Infallible;
}

impl Read for Pieces<'_> {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, Infallible> {
        let size = poll_fn(|_| self.next_size().map_or(Poll::Pending, Poll::Ready)).await;
        let (now, later) = self.bytes.split_at(size.min(into.len()).min(self.bytes.len()));
        into[..now.len()].copy_from_slice(now);
        self.bytes = later;
        Ok(now.len())
    }
}

impl Write for Pieces<'_> {
    async fn write(&mut self, from: &[u8]) -> Result<usize, Infallible> {
        match self.takes.checked_sub(1) {
            None => core::future::pending().await,
            Some(takes) => {
                self.takes = takes;
                self.written.extend_from_slice(from);
                Ok(from.len())
            }
        }
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Polls once, and drops the future if it has to wait.
pub(crate) fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}
