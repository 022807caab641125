//! [`AnswerBody`]: what a client is answered, without trailers.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::flow::Exchange;
use super::origin::OriginConnection;
use super::request_body::poll_data;

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
