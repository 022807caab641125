//! [`RefusedHosts`]: who was refused lately.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::network::Host;
use super::turns::Urgency;

/// How long a refusal counts.
const COUNTS_FOR: Duration = Duration::from_secs(60);

/// So many are known at once, in some 200 KiB.
const MAX_HOSTS: usize = 4_096;

/// The hosts of which a handshake was refused lately, and none has succeeded since. Their next ones are computed when no
/// other waits: strangers that come again and again do not make the fleet wait for what they have the broker compute.
#[derive(Debug, Default)]
pub(super) struct RefusedHosts(Mutex<HashMap<Host, Instant>>);

impl RefusedHosts {
    /// A handshake of `host` was refused.
    pub(super) fn refused(&self, host: Host, now: Instant) {
        let mut hosts = self.0.lock();
        if hosts.len() >= MAX_HOSTS && !hosts.contains_key(&host) {
            hosts.retain(|_, refused| now < *refused + COUNTS_FOR);
            if hosts.len() >= MAX_HOSTS {
                // Who comes again is soon known again.
                hosts.clear();
            }
        }
        hosts.insert(host, now);
    }

    /// A handshake of `host` succeeded.
    pub(super) fn succeeded(&self, host: Host) {
        self.0.lock().remove(&host);
    }

    /// How urgent the next handshake of `host` is.
    pub(super) fn urgency(&self, host: Host, now: Instant) -> Urgency {
        match self.0.lock().get(&host) {
            Some(refused) if now < *refused + COUNTS_FOR => Urgency::Suspect,
            _ => Urgency::Ordinary,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn host(number: u32) -> Host {
        Host::of(Ipv4Addr::from_bits(0x0a00_0000 + number).into())
    }

    #[tokio::test]
    async fn a_refusal_counts_for_a_minute_or_until_a_handshake_succeeds() {
        let (hosts, now) = (RefusedHosts::default(), Instant::now());
        assert_eq!(hosts.urgency(host(1), now), Urgency::Ordinary);
        hosts.refused(host(1), now);
        assert_eq!(hosts.urgency(host(1), now + Duration::from_secs(59)), Urgency::Suspect);
        assert_eq!(hosts.urgency(host(2), now), Urgency::Ordinary);
        assert_eq!(hosts.urgency(host(1), now + Duration::from_secs(60)), Urgency::Ordinary);
        hosts.refused(host(1), now);
        hosts.succeeded(host(1));
        assert_eq!(hosts.urgency(host(1), now), Urgency::Ordinary);
    }

    #[tokio::test]
    async fn a_flood_of_hosts_takes_no_more_room() {
        let (hosts, now) = (RefusedHosts::default(), Instant::now());
        for number in 0..20_000 {
            hosts.refused(host(number), now);
            assert_eq!(hosts.urgency(host(number), now), Urgency::Suspect);
            assert!(hosts.0.lock().len() <= MAX_HOSTS);
        }
        let later = now + COUNTS_FOR;
        hosts.refused(host(30_000), later);
        hosts.refused(host(30_001), later);
        assert!(hosts.0.lock().len() <= MAX_HOSTS);
    }
}
