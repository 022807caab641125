//! [`HeadReader`]: reads heads itself, and hands a reader behind it bodies and what it needs to find their ends.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::expected_host::ExpectedHost;
use super::flow::Flow;
use super::head::{BodyFraming, MAX_HEAD_LEN, REFUSED_FRAMING, RequestHead, TOO_LARGE};
use super::head_fault::HeadFault;

/// How much is read at once while a head is waited for.
const READ_LEN: usize = 4 * 1024;

/// A connection whose heads are read here. Whoever reads from it sees heads of a few fields, made here.
#[derive(Debug)]
pub(super) struct HeadReader<S> {
    stream: S,
    expected: ExpectedHost,
    /// What was read beyond what was asked for.
    incoming: BytesMut,
    /// How much of that has no end of a head in it.
    searched: usize,
    stage: Stage,
    flow: Arc<Flow>,
}

#[derive(Debug)]
enum Stage {
    /// A head is read.
    Head,
    /// A head is handed on, and then what follows it.
    Framing(Bytes, Next),
    /// So much of a body is handed on.
    Body(u64),
    /// All is handed on: the last body, whose end is found by its reader.
    Open,
    /// Nothing is handed on.
    Over,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    Body(u64),
    Open,
    Over,
}

impl<S> HeadReader<S> {
    /// Reads the heads of a connection whose requests are for this host.
    pub(super) fn new(stream: S, expected: ExpectedHost, flow: Arc<Flow>) -> Self {
        Self { stream, expected, incoming: BytesMut::new(), searched: 0, stage: Stage::Head, flow }
    }

    /// The connection itself.
    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    /// The head at the beginning of what came in. `None`: there is no whole one yet.
    fn head(&mut self) -> Option<Result<RequestHead, HeadFault>> {
        let end = match self.end_of_head()? {
            Ok(end) => end,
            Err(fault) => return Some(Err(fault)),
        };
        let head = self.incoming.split_to(end.min(self.incoming.len()));
        self.searched = 0;
        Some(RequestHead::parse(&head, &self.expected))
    }

    fn end_of_head(&mut self) -> Option<Result<usize, HeadFault>> {
        let places = self.incoming.iter().enumerate().skip(self.searched);
        for (place, _) in places.filter(|(_, octet)| **octet == b'\n') {
            let line = self.incoming.get(..place).unwrap_or_default();
            if !line.ends_with(b"\r") {
                return Some(Err(HeadFault::Line));
            }
            if place >= MAX_HEAD_LEN {
                return Some(Err(TOO_LARGE));
            }
            if line.ends_with(b"\r\n\r") || place == 1 {
                return Some(Ok(place + 1));
            }
        }
        self.searched = self.incoming.len();
        (self.searched >= MAX_HEAD_LEN).then_some(Err(TOO_LARGE))
    }

    /// Has what was read handed on.
    fn hand_on(&mut self, head: Result<RequestHead, HeadFault>) {
        self.stage = match &head {
            Ok(head) => {
                let next = match head.body {
                    BodyFraming::Length(length) => Next::Body(length),
                    BodyFraming::Chunked => Next::Open,
                };
                Stage::Framing(head.framing().into(), next)
            }
            Err(_) => Stage::Framing(Bytes::from_static(REFUSED_FRAMING), Next::Over),
        };
        self.flow.head_read(head);
    }

    /// Gives what came in already, up to `limit` bytes. `false`: nothing did.
    fn give_incoming(&mut self, buffer: &mut ReadBuf<'_>, limit: u64) -> usize {
        let length = self.incoming.len().min(buffer.remaining());
        let length = usize::try_from(limit).map_or(length, |limit| length.min(limit));
        buffer.put_slice(&self.incoming.split_to(length));
        length
    }
}

impl<S: AsyncRead + Unpin> HeadReader<S> {
    /// Reads more of a head. `false`: the client sends no more.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut chunk = [0; READ_LEN];
        let mut chunk = ReadBuf::new(&mut chunk);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut chunk))?;
        self.incoming.extend_from_slice(chunk.filled());
        Poll::Ready(Ok(!chunk.filled().is_empty()))
    }

    /// Hands a body on, up to `limit` bytes; how many.
    fn poll_body(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        limit: u64,
    ) -> Poll<io::Result<usize>> {
        if !self.incoming.is_empty() {
            return Poll::Ready(Ok(self.give_incoming(buffer, limit)));
        }
        let room = usize::try_from(limit).unwrap_or(usize::MAX).min(buffer.remaining());
        let mut chunk = [0; READ_LEN];
        let mut chunk = ReadBuf::new(chunk.get_mut(..room.min(READ_LEN)).unwrap_or_default());
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut chunk))?;
        if !chunk.filled().is_empty() {
            self.flow.moved();
        }
        buffer.put_slice(chunk.filled());
        Poll::Ready(Ok(chunk.filled().len()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HeadReader<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.stage {
                Stage::Head => match this.head() {
                    Some(head) => this.hand_on(head),
                    None => {
                        if !this.incoming.is_empty() {
                            this.flow.head_begins();
                        }
                        if !ready!(this.poll_more(context))? {
                            return Poll::Ready(Ok(()));
                        }
                    }
                },
                Stage::Framing(head, next) => {
                    let length = head.len().min(buffer.remaining());
                    buffer.put_slice(&head.split_to(length));
                    if !head.has_remaining() {
                        this.stage = match *next {
                            Next::Body(0) => Stage::Head,
                            Next::Body(length) => Stage::Body(length),
                            Next::Open => Stage::Open,
                            Next::Over => Stage::Over,
                        };
                    }
                    return Poll::Ready(Ok(()));
                }
                Stage::Body(left) => {
                    let left = *left;
                    let read = ready!(this.poll_body(context, buffer, left))?;
                    let left = left.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
                    this.stage = if left == 0 { Stage::Head } else { Stage::Body(left) };
                    return Poll::Ready(Ok(()));
                }
                Stage::Open => return this.poll_body(context, buffer, u64::MAX).map_ok(|_| ()),
                // The answer is written, and then the connection ends; deadlines are watched elsewhere.
                Stage::Over => return Poll::Pending,
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HeadReader<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.flow.moved();
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.flow.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
