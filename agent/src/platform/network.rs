//! The way to the broker.

use embedded_io_async::{Read, Write};

/// Names and TCP connections, one at a time.
pub trait Network {
    /// A TCP connection. Dropping it closes it. Its reads may be dropped at any point without losing a byte.
    type Connection<'n>: Read + Write
    where
        Self: 'n;

    /// Connects to `host`, a DNS name or an address, at `port`. Needs no deadline of its own, and may be dropped.
    fn connect(
        &mut self,
        host: &str,
        port: u16,
    ) -> impl Future<Output = Result<Self::Connection<'_>, ConnectError>>;
}

/// Why there is no TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// No link: no cable, no radio network, no address.
    #[error("there is no network")]
    NoLink,
    /// The name has no address, or the resolver does not answer.
    #[error("the broker's name does not resolve")]
    Name,
    /// The host refused the connection (TCP RST).
    #[error("the broker's host refuses the connection")]
    Refused,
    /// The host did not answer, or is unreachable.
    #[error("the broker's host does not answer")]
    Unreachable,
}
