//! Accepting connections: a task for each before anything is read from it, limits first, then TLS, then CONNECT.

mod admission;
mod farewell;
mod handshake;
mod network;
mod rate;
mod slots;
mod turns;

pub(crate) use slots::Slot;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::time::Instant;

use self::rate::Rate;
use self::slots::{NoSlot, Slots};
use self::turns::Turns;
use crate::audit::Lasting;
use crate::config::{Config, ListenerConfig};
use crate::identity::IdentityTemplate;
use crate::policy::Policies;
use crate::session::Hub;
use crate::trust::{ServerCertificate, TrustStore};

/// How long to wait after a failed accept: usually all file descriptors are in use, and will be given back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Connections that may wait to be accepted: a whole fleet comes back at once, and whoever finds no place here tries
/// again a second later, and then two. The system may allow fewer (net.core.somaxconn).
const BACKLOG: u32 = 4096;

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
    rate: Rate,
    turns: Turns,
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
        let socket = listen(listener.address)?;
        let limits = &listener.limits;
        let door = Door {
            hub: Arc::clone(hub),
            trust: Arc::clone(trust),
            certificate: Arc::clone(certificate),
            config: listener.clone(),
            identity: config.identity.clone(),
            policies: config.policies.clone(),
            slots: Arc::new(Slots::new(limits)),
            rate: Rate::new(limits.max_handshakes_per_second, Instant::now()),
            turns: Turns::new(limits.max_handshakes),
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
        let mut turns = pin!(self.door.rate.give_turns());
        let mut trouble = Lasting::default();
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = &mut turns => return,
                _ = stopping.wait_for(|stopping| *stopping) => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    if let Some(lasted) = trouble.over(Instant::now()) {
                        tracing::info!(seconds = lasted.as_secs(), "connections are accepted again");
                    }
                    self.door.hub.counters.connections.one();
                    match self.door.slots.take(peer.ip()) {
                        Ok(slot) => {
                            tokio::spawn(admission::admit(Arc::clone(&self.door), stream, peer, slot));
                        }
                        Err(limit) => self.door.turned_away(peer, limit),
                    }
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    if let Some(times) = trouble.again(Instant::now()) {
                        tracing::error!(%error, times, "connections cannot be accepted");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // What is left of connections of a broker that has stopped does not keep its successor out.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Door {
    /// Counts a connection for which there is no place; of many, the first, second, fourth … is logged.
    fn turned_away(&self, peer: SocketAddr, limit: NoSlot) {
        let counters = &self.hub.counters;
        let all = counters.connections_limited.one();
        let (count, key) = match limit {
            NoSlot::Total => (all, "max-connections"),
            NoSlot::Host => (counters.connections_limited_by_address.one(), "max-connections-per-address"),
            NoSlot::Network => (counters.connections_limited_by_prefix.one(), "max-connections-per-prefix"),
        };
        if count.is_power_of_two() {
            tracing::warn!(%peer, limit = key, count, "connections are turned away: a limit is met");
        }
    }
}

/// Whether only the connection that was to be accepted has failed, and the next may be well (accept(2)).
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
