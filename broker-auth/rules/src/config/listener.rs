//! [`ListenerRules`]: what policies, conditions and second factors may name of a listener.

use std::fmt;
use std::net::SocketAddr;

use authenticator::ruleset::Mode;
use authenticator::trust::TrustConfig;

use super::server_names::ServerNames;

/// Where the clients of a listener come to.
#[derive(Clone, Copy, Debug)]
pub enum Front<'a> {
    /// A listener of this configuration.
    Own {
        /// Where it listens.
        address: SocketAddr,
        /// What clients ask for it by.
        server_names: &'a ServerNames,
    },
    /// Whatever listeners a host has, which this configuration says nothing about.
    Host(
        /// What the host is called.
        &'static str,
    ),
}

impl fmt::Display for Front<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own { address, .. } => write!(f, "listener {address}"),
            Self::Host(host) => write!(f, "the [[listener]] for {host}"),
        }
    }
}

/// What a listener decides by.
#[derive(Clone, Copy, Debug)]
pub struct ListenerRules<'a> {
    /// Where its clients come to.
    pub front: Front<'a>,
    /// What it makes of clients whose certificate is not proven.
    pub mode: Mode,
    /// The trusts that vouch for its clients.
    pub trusts: &'a [TrustConfig],
}
