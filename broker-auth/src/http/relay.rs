//! Bodies that pass through, without their trailers: a field after the body would reach a peer that nobody has judged.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::flow::Exchange;
use super::origin::OriginConnection;

/// What a client sends to an origin.
#[derive(Debug)]
pub(super) struct RequestBody(pub(super) Incoming);

/// What a client is answered. With it ends the exchange.
#[derive(Debug)]
pub(super) struct AnswerBody {
    content: Content,
    _exchange: Exchange,
}

#[derive(Debug)]
enum Content {
    /// Made here.
    Whole(Full<Bytes>),
    /// From the origin.
    Relayed { body: Incoming, _connection: OriginConnection },
}

impl AnswerBody {
    /// An answer that was made here.
    pub(super) fn whole(text: Vec<u8>, exchange: Exchange) -> Self {
        Self { content: Content::Whole(Full::from(text)), _exchange: exchange }
    }

    /// An answer of the origin.
    pub(super) fn relayed(body: Incoming, connection: OriginConnection, exchange: Exchange) -> Self {
        Self { content: Content::Relayed { body, _connection: connection }, _exchange: exchange }
    }
}

/// The next data, or the end where only trailers are left.
fn poll_data(body: &mut Incoming, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
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

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut self.content {
            Content::Whole(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
            Content::Relayed { body, .. } => poll_data(body, context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(body) => body.is_end_stream(),
            Content::Relayed { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(body) => body.size_hint(),
            Content::Relayed { body, .. } => body.size_hint(),
        }
    }
}
