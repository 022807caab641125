//! [`Transport`]: what a connection is made of.

use tokio::io::{AsyncRead, AsyncWrite};

/// What a connection is made of: TLS over TCP, or whatever else the listener has secured.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}
