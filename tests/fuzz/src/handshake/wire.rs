//! A connection within the process: a read without data is pending until the next poll.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::task::Poll;

use embedded_io_async::{ErrorKind, ErrorType, Read, Write};

/// What is under way.
#[derive(Default)]
pub(super) struct Wire {
    pub(super) to_client: VecDeque<u8>,
    pub(super) to_server: VecDeque<u8>,
    /// The server sends no more.
    pub(super) ended: bool,
}

pub(super) struct ClientEnd<'w>(pub(super) &'w RefCell<Wire>);

impl ErrorType for ClientEnd<'_> {
    type Error = ErrorKind;
}

impl Read for ClientEnd<'_> {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, ErrorKind> {
        poll_fn(|_| {
            let mut wire = self.0.borrow_mut();
            if wire.to_client.is_empty() && !wire.ended {
                return Poll::Pending;
            }
            Poll::Ready(io::Read::read(&mut wire.to_client, into).map_err(|_| ErrorKind::Other))
        })
        .await
    }
}

impl Write for ClientEnd<'_> {
    async fn write(&mut self, from: &[u8]) -> Result<usize, ErrorKind> {
        self.0.borrow_mut().to_server.extend(from);
        Ok(from.len())
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

pub(super) struct ServerEnd<'w>(pub(super) &'w RefCell<Wire>);

impl io::Read for ServerEnd<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().to_server.read(into)
    }
}

impl io::Write for ServerEnd<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().to_client.extend(from);
        Ok(from.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
