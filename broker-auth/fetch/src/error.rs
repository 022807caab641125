//! [`FetchError`]: why a file was not fetched.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::redirect::RedirectFault;
use crate::url::Url;

/// Why a file was not fetched, from where, and how long that took to find out.
#[derive(Debug, thiserror::Error)]
#[error("{url}: {fault} (after {:.1} s)", after.as_secs_f64())]
pub struct FetchError {
    /// The URL that was asked for.
    pub url: Url,
    /// What happened.
    pub fault: FetchFault,
    /// How long it took.
    pub after: Duration,
}

/// What happened instead of a file.
#[derive(Debug, thiserror::Error)]
pub enum FetchFault {
    /// Not everything was there in time.
    #[error("not done in time, {0}")]
    TimedOut(Stage),
    /// The name has no address.
    #[error("the address of its host is not found: {0}")]
    Lookup(io::Error),
    /// Nobody accepts a connection.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// The address that was tried last.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// This system trusts no CA, and none are named.
    #[error("there is no CA to check its certificate against")]
    NoRoots,
    /// TLS failed, or the certificate is not the right one.
    #[error("no TLS connection: {0}")]
    Tls(io::Error),
    /// The server ended the connection early, or what it says is no HTTP: a status and a header of at most 16 KiB and a
    /// hundred fields, and a body as long as they say.
    #[error("no whole answer, {stage}: {detail}")]
    Connection {
        /// When.
        stage: Stage,
        /// How.
        detail: String,
    },
    /// A status other than 200, which brings no file.
    #[error("it answers with status {0}")]
    Status(u16),
    /// "Not modified" to a request that had no conditions.
    #[error("it answers \"not modified\", though it was not asked about an earlier one")]
    NotModifiedUnasked,
    /// A redirect that is not followed.
    #[error("it redirects, and {0}")]
    Redirect(RedirectFault),
    /// A body in another form than the file's own.
    #[error("it encodes what it sends: {0}")]
    Encoded(String),
    /// A body that is longer than allowed.
    #[error("it sends more than {max_bytes} bytes")]
    TooLong {
        /// How many are allowed.
        max_bytes: usize,
    },
    /// A body without a byte.
    #[error("it sends an empty file")]
    Empty,
}

impl FetchFault {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::TimedOut(_) | Self::Connect { .. } | Self::Connection { .. } => {
                "see that the server runs and this machine reaches it"
            }
            Self::Lookup(_) => "correct the host in the URL, or this machine's name servers",
            Self::NoRoots => "name the CA of the server in `ca`, or install the system's CA certificates",
            Self::Tls(_) => {
                "name the CA of the server in `ca`, and give the server a valid certificate for this host"
            }
            Self::Status(_) | Self::Redirect(_) => "name the URL where the file itself is",
            Self::TooLong { .. } => "raise `max-bytes` if the file may be that long",
            Self::NotModifiedUnasked | Self::Encoded(_) | Self::Empty => {
                "have the server send the file as it is"
            }
        }
    }

    pub(crate) fn http(error: &hyper::Error, stage: Stage) -> Self {
        Self::Connection { stage, detail: with_causes(error) }
    }
}

/// What a fetch waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stage {
    /// The addresses of a name.
    #[error("looking up its host")]
    Lookup,
    /// A TCP connection.
    #[error("connecting")]
    Connect,
    /// The TLS handshake.
    #[error("in the TLS handshake")]
    Tls,
    /// The status and the header.
    #[error("waiting for an answer")]
    Head,
    /// The body.
    #[error("after {received} bytes of the file")]
    Body {
        /// How much of it was there.
        received: usize,
    },
}

/// An error and what caused it, in one line.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
