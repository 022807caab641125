//! [`VirtualHosts`]: what clients meet at one address, by the name that they ask for.

use std::sync::Arc;

use authenticator::origin::ServerName;
use broker_rules::store::RulesetStore;

use super::settings::ListenerSettings;
use crate::http::HttpContext;
use crate::recheck::RulesRecheck;
use crate::transport::{OriginTls, ServerCertificate};

/// A `[[listener]]` of the configuration: its own certificate and trusts, at an address that others may share.
pub(crate) struct VirtualHost {
    pub(crate) rules: Arc<RulesetStore>,
    /// What its sessions are judged by.
    pub(crate) recheck: Arc<RulesRecheck>,
    pub(crate) certificate: Arc<ServerCertificate>,
    /// `None`: it speaks MQTT.
    pub(crate) http: Option<Arc<HttpContext>>,
    pub(crate) settings: ListenerSettings,
}

impl VirtualHost {
    /// The application protocols that the handshake may agree on with a client that offers these (RFC 7301). `None`: it
    /// does not offer one that it must.
    pub(super) fn protocols<'a>(
        &self,
        offered: impl IntoIterator<Item = &'a [u8]>,
    ) -> Option<&'static [&'static [u8]]> {
        if self.http.is_some() { Some(&[b"http/1.1"]) } else { self.settings.alpn.agree(offered) }
    }

    /// The TLS by which its origin is asked, if it is.
    pub(crate) fn origin_tls(&self) -> Option<&Arc<OriginTls>> {
        self.http.as_ref()?.origin.as_ref()?.tls()
    }
}

/// The hosts that share a socket; at least one.
pub(crate) struct VirtualHosts {
    first: Arc<VirtualHost>,
    others: Vec<Arc<VirtualHost>>,
}

/// Whom a client has asked for.
pub(super) struct Asked {
    pub(super) host: Arc<VirtualHost>,
    /// The name that it asked by, or the one that stands for none.
    pub(super) name: Option<ServerName>,
}

impl VirtualHosts {
    /// Puts hosts together that are at the same address under names.
    pub(crate) fn by_socket(hosts: impl Iterator<Item = Arc<VirtualHost>>) -> Vec<Self> {
        let mut sockets: Vec<Self> = Vec::new();
        for host in hosts {
            let shared = sockets.iter_mut().find(|one| one.settings().shares_a_socket_with(&host.settings));
            match shared {
                Some(socket) => socket.others.push(host),
                None => sockets.push(Self { first: host, others: Vec::new() }),
            }
        }
        sockets
    }

    /// What the hosts have in common: address, balancers, limits.
    pub(crate) fn settings(&self) -> &ListenerSettings {
        &self.first.settings
    }

    /// What the other hosts are called.
    pub(super) fn names_of_others(&self, host: &Arc<VirtualHost>) -> Vec<ServerName> {
        let others = self.iter().filter(|other| !Arc::ptr_eq(other, host));
        others.flat_map(|other| other.settings.server_names.names.clone()).collect()
    }

    /// In the order of the configuration.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<VirtualHost>> {
        [&self.first].into_iter().chain(&self.others)
    }

    /// The one that a client has asked for by `name`; exactly one, never several together. `None`: there is none of that
    /// name, or none for clients that send no name.
    pub(super) fn asked_for(&self, name: Option<&str>) -> Option<Asked> {
        if self.first.settings.server_names.names.is_empty() {
            // It has the address to itself, whatever clients call it.
            let name = name.and_then(|name| name.parse().ok());
            return Some(Asked { host: Arc::clone(&self.first), name });
        }
        let name: Option<ServerName> = match name {
            Some(name) => Some(name.parse().ok()?),
            None => None,
        };
        let is_asked_for = |host: &&Arc<VirtualHost>| match &name {
            Some(name) => host.settings.server_names.names.contains(name),
            None => host.settings.server_names.default.is_some(),
        };
        let host = Arc::clone(self.iter().find(is_asked_for)?);
        let name = name.or_else(|| host.settings.server_names.default.clone());
        Some(Asked { host, name })
    }
}
