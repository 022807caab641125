//! [`ListenerSettings`]: what a listener is told.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use broker_rules::config::ServerNames;
use embedded::SessionLimits;
use ipnet::IpNet;
use mqtt::ConnectionLimits;

use super::limits::ListenerLimits;
use crate::transport::{MqttAlpn, TlsVersions};

/// What a listener is told.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Its place among the listeners of the configuration.
    pub place: usize,
    /// Where it listens; port 0 picks a free one.
    pub address: SocketAddr,
    /// The names that clients ask for it by.
    pub server_names: ServerNames,
    /// Which TLS versions it speaks.
    pub tls_versions: TlsVersions,
    /// Whether clients must offer the application protocol `mqtt`.
    pub alpn: MqttAlpn,
    /// Balancers in front, which say where a client is by the PROXY protocol.
    pub proxies: Vec<IpNet>,
    /// What one client, or all of them, may use up.
    pub limits: Limits,
}

impl ListenerSettings {
    /// Whether both are at one address, under names that tell them apart.
    pub(crate) fn shares_a_socket_with(&self, other: &Self) -> bool {
        let have_names = !self.server_names.names.is_empty() && !other.server_names.names.is_empty();
        self.address == other.address && have_names
    }

    /// Whether a connection from `address` is one of a balancer.
    pub(super) fn is_proxy(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.proxies.iter().any(|network| network.contains(&address))
    }
}

/// The limits of `[listener.limits]`, by the module that enforces them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Connections and handshakes.
    pub listener: Arc<ListenerLimits>,
    /// The bytes of one connection.
    pub connection: Arc<ConnectionLimits>,
    /// Sessions.
    pub session: Arc<SessionLimits>,
}
