//! [`BusyLog`]: clients for whom there was no time, told once.

use rustls_pki_types::UnixTime;

/// How many seconds without such a client are the end of it.
const QUIET_SECONDS: u64 = 10;

/// Clients for whom there was no time, told once at the beginning and once at the end: there may be hundreds a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BusyLog(Option<Busy>);

#[derive(Clone, Copy, Debug)]
struct Busy {
    clients: u64,
    last: u64,
}

impl BusyLog {
    /// There was one. Whether it is the first.
    pub(super) fn add(&mut self, now: UnixTime) -> bool {
        let clients = self.0.map_or(0, |busy| busy.clients);
        self.0 = Some(Busy { clients: clients.saturating_add(1), last: now.as_secs() });
        clients == 0
    }

    /// How many there were, when there have been no more for a while.
    pub(super) fn take_ended(&mut self, now: UnixTime) -> Option<u64> {
        let ended = self.0.filter(|busy| now.as_secs().abs_diff(busy.last) >= QUIET_SECONDS)?;
        self.0 = None;
        Some(ended.clients)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    #[test]
    fn a_crowd_is_told_of_twice() {
        let mut log = BusyLog::default();
        assert_eq!(log.take_ended(at(0)), None);
        for second in 100..200 {
            assert_eq!(log.add(at(second)), second == 100);
            assert!(!log.add(at(second)));
            assert_eq!(log.take_ended(at(second + QUIET_SECONDS - 1)), None);
        }
        assert_eq!(log.take_ended(at(209)), Some(200));
        assert_eq!(log.take_ended(at(300)), None);
        assert!(log.add(at(300)), "another crowd");
        assert_eq!(log.take_ended(at(0)), Some(1), "a clock that is set back ends it");
    }
}
