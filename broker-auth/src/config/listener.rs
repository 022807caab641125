//! `[[listener]]`.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::limits::Limits;
use crate::trust::{TlsVersions, TrustConfig};

/// One address that clients connect to.
#[derive(Clone, Debug)]
pub struct ListenerConfig {
    /// Where it listens; port 0 picks a free one.
    pub address: SocketAddr,
    /// What carries MQTT.
    pub transport: Transport,
    /// Which TLS versions it speaks.
    pub tls_versions: TlsVersions,
    /// PEM: the broker's certificate, then its issuing CA's.
    pub server_cert: PathBuf,
    /// PEM: the broker's private key.
    pub server_key: PathBuf,
    /// Who vouches for clients; at least one.
    pub trusts: Vec<TrustConfig>,
    /// What one client, or all of them, may use up.
    pub limits: Limits,
}

/// What carries MQTT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// TLS.
    #[default]
    Tls,
}
