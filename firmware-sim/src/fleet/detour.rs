//! The way to the broker.

use countersign_agent::platform::host::{HostConnection, HostNetwork};
use countersign_agent::platform::{ConnectError, Network};

/// A host, by name or address, and a TCP port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Where.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// The system's TCP, to one place whatever the image says. The name that must be proved there stays the image's.
#[derive(Clone, Debug)]
pub(super) struct Detour(pub(super) Option<Endpoint>);

impl Network for Detour {
    type Connection<'n> = HostConnection;

    async fn connect(&mut self, host: &str, port: u16) -> Result<HostConnection, ConnectError> {
        let (host, port) = match &self.0 {
            Some(endpoint) => (endpoint.host.as_str(), endpoint.port),
            None => (host, port),
        };
        HostNetwork.connect(host, port).await
    }
}
