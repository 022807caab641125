//! The TCP connection to the broker.

use countersign_agent::platform::host::{HostConnection, HostNetwork};
use countersign_agent::platform::{ConnectError, Network};

/// A host, by name or address, and a TCP port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A host name or an IP address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

/// The system's TCP, to one workspace whatever the image says. The name that must be proved there stays the image's.
#[derive(Clone, Debug)]
pub(super) struct FleetNetwork(pub(super) Option<Endpoint>);

impl Network for FleetNetwork {
    type Connection<'n> = HostConnection;

    async fn connect(&mut self, host: &str, port: u16) -> Result<HostConnection, ConnectError> {
        let (host, port) = match &self.0 {
            Some(endpoint) => (endpoint.host.as_str(), endpoint.port),
            None => (host, port),
        };
        HostNetwork.connect(host, port).await
    }
}
