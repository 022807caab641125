//! [`Answer`]: a server's answer, its body still to come.

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::task::JoinSet;

use crate::error::{FetchFault, Stage};

/// A server's answer. The connection ends with it.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) header: HeaderMap,
    body: Incoming,
    /// What reads the body from the connection.
    _connection: JoinSet<hyper::Result<()>>,
}

impl Answer {
    pub(crate) fn new(response: hyper::Response<Incoming>, connection: JoinSet<hyper::Result<()>>) -> Self {
        let (head, body) = response.into_parts();
        Self { status: head.status, header: head.headers, body, _connection: connection }
    }

    /// The file itself: whole, as it is, not empty, and no longer than `max_bytes`.
    pub(crate) async fn into_file(
        mut self,
        max_bytes: usize,
        stage: &mut Stage,
    ) -> Result<Bytes, FetchFault> {
        if self.status != StatusCode::OK {
            return Err(FetchFault::Status(self.status.as_u16()));
        }
        check_encodings(&self.header)?;
        let too_long = || FetchFault::TooLong { max_bytes };
        if self.body.size_hint().lower() > max_bytes as u64 {
            return Err(too_long());
        }
        let mut file = BytesMut::new();
        *stage = Stage::Body { received: 0 };
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|error| FetchFault::http(&error, *stage))?;
            // A frame without data is a trailer.
            let Ok(data) = frame.into_data() else { continue };
            if data.len() > max_bytes.saturating_sub(file.len()) {
                return Err(too_long());
            }
            file.extend_from_slice(&data);
            *stage = Stage::Body { received: file.len() };
        }
        if file.is_empty() { Err(FetchFault::Empty) } else { Ok(file.freeze()) }
    }
}

/// A file is compressed by nobody on its way: what it would become in memory is not bounded by what is read.
fn check_encodings(header: &HeaderMap) -> Result<(), FetchFault> {
    let refused =
        |value: &HeaderValue| FetchFault::Encoded(String::from_utf8_lossy(value.as_bytes()).into_owned());
    for value in header.get_all(CONTENT_ENCODING) {
        if !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity") {
            return Err(refused(value));
        }
    }
    for value in header.get_all(TRANSFER_ENCODING) {
        if !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") {
            return Err(refused(value));
        }
    }
    Ok(())
}
