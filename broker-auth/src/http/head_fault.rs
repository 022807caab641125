//! [`HeadFault`]: why the head of a request is refused before anybody is asked about its client.

use authenticator::http::PathFault;
use http::StatusCode;

/// Why the head of a request is refused. After any of these it is not known where the next one begins: the connection ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeadFault {
    /// It is longer than is read.
    #[error("the head is longer than {max} bytes, or has more than {max_fields} fields")]
    TooLarge {
        /// Bytes.
        max: usize,
        /// Field lines.
        max_fields: usize,
    },
    /// A line that does not end with CR LF (RFC 9112 §2.2), or control characters in one.
    #[error("the head has a line that ends with LF alone, or a control character")]
    Line,
    /// The first line is not a method, a target and a version with one space between them (RFC 9112 §3).
    #[error("the first line is no request line")]
    RequestLine,
    /// Another version.
    #[error("the version is not HTTP/1.1")]
    Version,
    /// A method that is not handed on.
    #[error("the method is none of GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS")]
    Method,
    /// A path that servers read differently.
    #[error(transparent)]
    Path(#[from] PathFault),
    /// A query with what does not stand in one (RFC 3986 §3.4).
    #[error("the query has a byte that does not stand in queries")]
    Query,
    /// A field line that is none: no name, white space in or before it, a line that goes on (RFC 9112 §5).
    #[error("the head has a line that is no field")]
    Field,
    /// Not exactly one Host (RFC 9112 §3.2), or not a host with perhaps a port.
    #[error("there is not exactly one Host, with a host and perhaps a port")]
    Host,
    /// Two lengths, or one that is not a number (RFC 9112 §6.3).
    #[error("there is more than one Content-Length, or it is no number")]
    Length,
    /// A transfer coding other than chunked alone.
    #[error("there is a Transfer-Encoding that is not chunked alone")]
    TransferEncoding,
    /// Both, which two servers may resolve differently (RFC 9112 §6.1).
    #[error("there are both Transfer-Encoding and Content-Length")]
    LengthTwice,
    /// Another protocol is asked for.
    #[error("there is an Upgrade")]
    Upgrade,
    /// Something is expected that is not known (RFC 9110 §10.1.1).
    #[error("there is an Expect that is not 100-continue alone")]
    Expect,
    /// Host names another server than the handshake did (RFC 9110 §7.4).
    #[error("Host is not the server name of the TLS handshake")]
    Misdirected,
}

impl HeadFault {
    /// The status code that says so.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::Method => StatusCode::NOT_IMPLEMENTED,
            Self::Path(PathFault::TooLong) => StatusCode::URI_TOO_LONG,
            Self::Expect => StatusCode::EXPECTATION_FAILED,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::Line
            | Self::RequestLine
            | Self::Path(_)
            | Self::Query
            | Self::Field
            | Self::Host
            | Self::Length
            | Self::TransferEncoding
            | Self::LengthTwice
            | Self::Upgrade => StatusCode::BAD_REQUEST,
        }
    }
}
