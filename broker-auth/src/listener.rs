//! Accepting connections: a task for each before anything is read from it, limits first, then TLS, then CONNECT.

mod admission;
mod farewell;
mod slots;

pub(crate) use slots::Slot;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use self::slots::Slots;
use crate::config::{Config, ListenerConfig};
use crate::identity::IdentityTemplate;
use crate::policy::Policies;
use crate::session::Hub;
use crate::trust::{ServerCertificate, TrustStore};

/// How long to wait after a failed accept: usually all file descriptors are in use, and will be given back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// One address that clients connect to.
pub(crate) struct Listener {
    socket: TcpListener,
    door: Arc<Door>,
}

/// What every connection of a listener is judged by.
struct Door {
    hub: Arc<Hub>,
    trust: Arc<TrustStore>,
    certificate: Arc<ServerCertificate>,
    config: ListenerConfig,
    identity: IdentityTemplate,
    policies: Policies,
    slots: Arc<Slots>,
}

impl Listener {
    /// Binds the listener's address.
    pub(crate) async fn bind(
        hub: &Arc<Hub>,
        trust: &Arc<TrustStore>,
        certificate: &Arc<ServerCertificate>,
        config: &Config,
        listener: &ListenerConfig,
    ) -> io::Result<Self> {
        let socket = TcpListener::bind(listener.address).await?;
        let slots = Slots::new(listener.limits.max_connections, listener.limits.max_connections_per_address);
        let door = Door {
            hub: Arc::clone(hub),
            trust: Arc::clone(trust),
            certificate: Arc::clone(certificate),
            config: listener.clone(),
            identity: config.identity.clone(),
            policies: config.policies.clone(),
            slots: Arc::new(slots),
        };
        Ok(Self { socket, door: Arc::new(door) })
    }

    /// Where it listens; the port is the real one.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Accepts connections until the broker stops.
    pub(crate) async fn run(self) {
        let mut stopping = self.door.hub.stopping();
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                _ = stopping.wait_for(|stopping| *stopping) => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    self.door.hub.counters.connections.one();
                    match self.door.slots.take(peer.ip()) {
                        Some(slot) => {
                            tokio::spawn(admission::admit(Arc::clone(&self.door), stream, peer, slot));
                        }
                        None => {
                            self.door.hub.counters.connections_limited.one();
                            tracing::debug!(%peer, "a connection was turned away: the limit is met");
                        }
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}
