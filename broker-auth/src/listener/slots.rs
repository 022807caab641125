//! Places for connections: so many in all, for each host, and for each network.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::limits::ListenerLimits;
use super::network::{Host, Network};

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Slots {
    taken: Mutex<Taken>,
    limit: usize,
    limit_per_host: usize,
    limit_per_network: usize,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_host: HashMap<Host, usize>,
    by_network: HashMap<Network, usize>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoSlot {
    /// The listener has all its places taken.
    Total,
    /// This host has all its places.
    Host,
    /// This network has all its places.
    Network,
}

/// One connection's place, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<Slots>,
    host: Host,
    network: Network,
}

impl Slots {
    pub(super) fn new(limits: &ListenerLimits) -> Self {
        Self {
            taken: Mutex::default(),
            limit: limits.max_connections,
            limit_per_host: limits.max_connections_per_address,
            limit_per_network: limits.max_connections_per_prefix,
        }
    }

    /// A place for a connection from `address`, if there is one.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Result<Slot, NoSlot> {
        let (host, network) = (Host::of(address), Network::of(address));
        let mut taken = self.taken.lock();
        let of_host = taken.by_host.get(&host).copied().unwrap_or(0);
        let of_network = taken.by_network.get(&network).copied().unwrap_or(0);
        if of_host >= self.limit_per_host {
            return Err(NoSlot::Host);
        }
        if of_network >= self.limit_per_network {
            return Err(NoSlot::Network);
        }
        if taken.total >= self.limit {
            return Err(NoSlot::Total);
        }
        taken.total += 1;
        taken.by_host.insert(host, of_host + 1);
        taken.by_network.insert(network, of_network + 1);
        Ok(Slot { slots: Arc::clone(self), host, network })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken.lock();
        taken.total = taken.total.saturating_sub(1);
        give_back(&mut taken.by_host, &self.host);
        give_back(&mut taken.by_network, &self.network);
    }
}

/// What counts nothing any more is forgotten, so that the maps are no longer than there are places.
fn give_back<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn places_run_out_in_all_for_each_host_and_for_each_network_and_come_back() {
        let limits = ListenerLimits {
            max_connections: 5,
            max_connections_per_address: 2,
            max_connections_per_prefix: 3,
            ..ListenerLimits::default()
        };
        let slots = Arc::new(Slots::new(&limits));
        let take = |text: &str| slots.take(address(text));
        let first = take("192.0.2.1").unwrap();
        let mut others = vec![take("192.0.2.1").unwrap()];
        assert_eq!(take("192.0.2.1").unwrap_err(), NoSlot::Host);
        others.push(take("192.0.2.2").unwrap());
        assert_eq!(take("192.0.2.3").unwrap_err(), NoSlot::Network);
        others.push(take("2001:db8::1").unwrap());
        others.push(take("2001:db8::2").unwrap());
        assert_eq!(take("2001:db8::3").unwrap_err(), NoSlot::Host);
        assert_eq!(take("198.51.100.1").unwrap_err(), NoSlot::Total);
        drop(first);
        others.push(take("192.0.2.1").unwrap());
        drop(others);
        let taken = slots.taken.lock();
        assert!(taken.total == 0 && taken.by_host.is_empty() && taken.by_network.is_empty(), "{taken:?}");
    }
}
