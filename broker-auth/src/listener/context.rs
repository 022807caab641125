//! [`ListenerContext`]: what every connection of a listener is decided by, and counted in.

use std::net::SocketAddr;
use std::sync::Arc;

use embedded::Hub;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::rate::Rate;
use super::refused_hosts::RefusedHosts;
use super::settings::ListenerSettings;
use super::slots::{NoSlot, Slots};
use super::turns::Turns;
use super::virtual_hosts::{Asked, VirtualHosts};
use crate::counters::Counters;
use crate::evidence::Gatherers;
use crate::gate::GateContext;

/// What every connection of a listener is decided by, and counted in.
pub(super) struct ListenerContext {
    pub(super) hub: Arc<Hub>,
    pub(super) counters: Arc<Counters>,
    pub(super) gatherers: Arc<Gatherers>,
    pub(super) hosts: VirtualHosts,
    /// What all hosts have in common: address, balancers, limits.
    pub(super) settings: ListenerSettings,
    pub(super) slots: Arc<Slots>,
    pub(super) rate: Rate,
    pub(super) turns: Turns,
    pub(super) refused_hosts: RefusedHosts,
    /// Places for clients whose certificate is not proven.
    pub(super) unproven: Arc<Semaphore>,
    /// Connections of balancers that have not said yet where their client is.
    pub(super) proxied: Arc<Semaphore>,
    /// The threads of the sessions.
    pub(super) sessions: Handle,
}

impl ListenerContext {
    /// What clients are admitted by that have asked for this host.
    pub(super) fn gate<'a>(&'a self, asked: &'a Asked) -> GateContext<'a> {
        let Asked { host, name } = asked;
        GateContext {
            hub: &self.hub,
            counters: &self.counters,
            rules: &host.rules,
            recheck: &host.recheck,
            gatherers: &self.gatherers,
            limits: &host.settings.limits.session,
            listener: host.settings.place,
            server_name: name.as_ref(),
        }
    }

    /// Counts a connection for which there is no place, and logs a sample.
    pub(super) fn turn_away(&self, peer: SocketAddr, limit: NoSlot) {
        let counters = &self.counters;
        let all = counters.connections_limited.sample();
        let (sampled, key) = match limit {
            NoSlot::Total => (all, "max-connections"),
            NoSlot::Host => (counters.connections_limited_by_address.sample(), "max-connections-per-address"),
            NoSlot::Network => {
                (counters.connections_limited_by_prefix.sample(), "max-connections-per-prefix")
            }
        };
        if let Some(count) = sampled {
            tracing::warn!(%peer, limit = key, count, "connections are turned away: a limit is met");
        }
    }
}
