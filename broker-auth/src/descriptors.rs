//! File descriptors: every connection takes one, and so does reading a revocation list.
//!
//! Were connections to take the last one, a stolen device could not be revoked and no operator heard. So the process has
//! as many open as the system grants, and connections get what is left after a reserve.

use std::sync::Arc;

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::config::ListenerConfig;

/// Kept back for revocation lists, certificates, operators, the log and the runtime.
const RESERVE: usize = 64;

/// Fewer descriptors than the configuration wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shortage {
    /// Connections that the configuration allows.
    pub(crate) wanted: usize,
    /// Connections that there are descriptors for.
    pub(crate) granted: usize,
}

/// Has this process open as many files as it may; how many that is.
pub(crate) fn raise_limit() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    let former = limit.current;
    limit.current = limit.maximum;
    let granted = if setrlimit(Resource::Nofile, limit).is_ok() { limit.maximum } else { former };
    granted.and_then(|granted| usize::try_from(granted).ok()).unwrap_or(usize::MAX)
}

/// Lowers the limits of `listeners`, each in proportion, to what `descriptors` allow.
pub(crate) fn fit(listeners: &mut [ListenerConfig], descriptors: usize) -> Option<Shortage> {
    // Those that share a socket share its connections.
    let has_socket_of_its_own = |place: usize, listener: &ListenerConfig| {
        let mut earlier = listeners.iter().take(place);
        !earlier.any(|earlier| earlier.settings.shares_a_socket_with(&listener.settings))
    };
    // A request to an origin has a connection of its own.
    let each = |listener: &ListenerConfig| if listener.transport.https().is_some() { 2 } else { 1 };
    let sockets = listeners.iter().enumerate().filter(|(place, one)| has_socket_of_its_own(*place, one));
    let wanted = sockets
        .map(|(_, one)| one.settings.limits.listener.max_connections.saturating_mul(each(one)))
        .fold(0, usize::saturating_add);
    let granted = descriptors.saturating_sub(RESERVE);
    if wanted <= granted {
        return None;
    }
    for listener in listeners {
        let limits = Arc::make_mut(&mut listener.settings.limits.listener);
        let share = limits.max_connections as u128 * granted as u128 / wanted as u128;
        // No more than it was.
        limits.max_connections = usize::try_from(share).unwrap_or(usize::MAX);
    }
    Some(Shortage { wanted, granted })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn listeners(limits: &[usize]) -> Vec<ListenerConfig> {
        let listener = |limit: &usize| {
            format!(
                "[[listener]]\naddress = \"127.0.0.1:0\"\nserver-cert = \"a\"\nserver-key = \"a\"\n\
                 [[listener.trust]]\nname = \"device-ca\"\nanchors = [\"a\"]\ncrl = [\"a\"]\n\
                 [listener.limits]\nmax-connections = {limit}\n"
            )
        };
        let text: String = limits.iter().map(listener).collect();
        Config::parse(Path::new("broker.toml"), &text).unwrap().listeners
    }

    fn limits(listeners: &[ListenerConfig]) -> Vec<usize> {
        listeners.iter().map(|listener| listener.settings.limits.listener.max_connections).collect()
    }

    #[test]
    fn connections_get_what_is_left_after_the_reserve() {
        let mut enough = listeners(&[100, 200]);
        assert_eq!(fit(&mut enough, 300 + RESERVE), None);
        assert_eq!(limits(&enough), [100, 200]);

        let mut short = listeners(&[20_000, 10_000]);
        assert_eq!(fit(&mut short, 1024), Some(Shortage { wanted: 30_000, granted: 960 }));
        assert_eq!(limits(&short), [640, 320]);

        let mut none = listeners(&[20_000]);
        assert_eq!(fit(&mut none, 10), Some(Shortage { wanted: 20_000, granted: 0 }));
        assert_eq!(limits(&none), [0]);
    }
}
