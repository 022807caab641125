//! [`RequestBody`]: what a client sends to an origin, without trailers: a field after the body would reach a peer that
//! nobody has judged.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// What a client sends to an origin.
#[derive(Debug)]
pub(super) struct RequestBody(pub(super) Incoming);

/// The next data, or the end where only trailers are left.
pub(super) fn poll_data(
    body: &mut Incoming,
    context: &mut Context<'_>,
) -> Poll<Option<io::Result<Frame<Bytes>>>> {
    Poll::Ready(match ready!(Pin::new(body).poll_frame(context)) {
        Some(Ok(frame)) => frame.into_data().ok().map(|data| Ok(Frame::data(data))),
        Some(Err(error)) => Some(Err(io::Error::other(error))),
        None => None,
    })
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        poll_data(&mut self.0, context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
