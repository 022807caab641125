//! Accepting connections: a task for each before anything is read from it, limits first, then TLS, then CONNECT.

mod connect;
mod context;
mod front;
mod handshake;
mod limits;
mod lingering_close;
mod network;
mod proxy_header;
mod rate;
mod refused_hosts;
mod requests;
mod settings;
mod slots;
mod socket;
mod turns;
mod virtual_hosts;

pub(crate) use front::HttpFront;
pub(crate) use limits::ListenerLimits;
pub(crate) use settings::{Limits, ListenerSettings};
pub(crate) use virtual_hosts::{VirtualHost, VirtualHosts};

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use self::context::ListenerContext;
use self::rate::Rate;
use self::refused_hosts::RefusedHosts;
use self::slots::{NoSlot, Slots};
use self::turns::Turns;
use embedded::Hub;

use crate::audit::Outage;
use crate::counters::Counters;
use crate::evidence::Gatherers;

/// How long to wait after a failed accept: usually all file descriptors are in use, and will be given back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Connections at once of clients whose certificate is not proven, whom a permissive listener lets in: the places and the
/// work of the fleet are not theirs.
const MAX_UNPROVEN: usize = 1_000;

/// Connections that may wait to be accepted: a whole fleet comes back at once, and a client without a place here tries
/// again a second later, and then two. The system may allow fewer (net.core.somaxconn).
const BACKLOG: u32 = 4096;

/// One address that clients connect to.
pub(crate) struct Listener {
    socket: TcpListener,
    context: Arc<ListenerContext>,
}

impl Listener {
    /// Binds the address that `hosts` share. Connections are accepted, and their handshakes computed, on the threads of the
    /// caller; who has proven a certificate goes on to the threads of `sessions`.
    pub(crate) fn bind(
        hub: &Arc<Hub>,
        counters: &Arc<Counters>,
        gatherers: &Arc<Gatherers>,
        sessions: &Handle,
        hosts: VirtualHosts,
    ) -> io::Result<Self> {
        let settings = hosts.settings().clone();
        let socket = listen(settings.address)?;
        let limits = Arc::clone(&settings.limits.listener);
        let context = ListenerContext {
            hub: Arc::clone(hub),
            counters: Arc::clone(counters),
            gatherers: Arc::clone(gatherers),
            hosts,
            settings,
            slots: Arc::new(Slots::new(&limits)),
            rate: Rate::new(limits.max_handshakes_per_second, Instant::now()),
            turns: Turns::new(limits.max_handshakes),
            refused_hosts: RefusedHosts::default(),
            unproven: Arc::new(Semaphore::new(MAX_UNPROVEN)),
            proxied: Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS))),
            sessions: sessions.clone(),
        };
        Ok(Self { socket, context: Arc::new(context) })
    }

    /// Where it listens; the port is the real one.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Accepts connections until the broker stops.
    pub(crate) async fn run(self) {
        let mut stopping = self.context.hub.stopping();
        let mut turns = pin!(self.context.rate.give_turns());
        let mut outage = Outage::default();
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = &mut turns => return,
                _ = stopping.wait_for(|stopping| *stopping) => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    if let Some(lasted) = outage.over(Instant::now()) {
                        tracing::info!(seconds = lasted.as_secs(), "connections are accepted again");
                    }
                    self.context.counters.connections.one();
                    if self.context.settings.is_proxy(peer.ip()) {
                        match Arc::clone(&self.context.proxied).try_acquire_owned() {
                            Ok(place) => {
                                let context = Arc::clone(&self.context);
                                tokio::spawn(connect::serve_proxied(context, stream, peer, place));
                            }
                            Err(_) => self.context.turn_away(peer, NoSlot::Total),
                        }
                        continue;
                    }
                    match self.context.slots.take(peer.ip()) {
                        Ok(slot) => {
                            tokio::spawn(connect::serve(Arc::clone(&self.context), stream, peer, slot));
                        }
                        Err(limit) => self.context.turn_away(peer, limit),
                    }
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    if let Some(times) = outage.again(Instant::now()) {
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

/// Whether only the connection that was to be accepted has failed, and the next may be well (accept(2)).
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
