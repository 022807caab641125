//! [`BackOff`]: how long an identity waits after a wrong password.

use std::collections::HashMap;
use std::time::Duration;

use authenticator::identity::Identity;

/// Slows down the guessing of passwords, identity by identity.
///
/// An attempt counts as wrong from its beginning until [`BackOff::succeeded`] forgets it: of many sessions that ask at
/// once, one is looked at. After the first wrong password an identity waits one second, after each further one twice as
/// long, five minutes at most. Asking while it waits costs no Argon2, and makes the wait no longer.
///
/// Only a client whose certificate is proven has an identity to ask with, so nobody can make another wait. Memory is
/// bounded: beyond [`BackOff::MOST_IDENTITIES`] the one whose last attempt is the longest ago is forgotten. That is no
/// way around the wait: whoever wants to be forgotten needs that many other certificates.
#[derive(Debug, Default)]
pub struct BackOff {
    failures: HashMap<Identity, Failures>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Duration,
}

/// The identity has shown a wrong password too recently: ask again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a wrong password was shown before: the next one is looked at in {} s", after.as_millis().div_ceil(1000))]
pub struct TryLater {
    /// How long from now.
    pub after: Duration,
}

impl BackOff {
    /// How many identities are remembered.
    pub const MOST_IDENTITIES: usize = 10_000;
    /// The wait after the first wrong password.
    pub const FIRST_WAIT: Duration = Duration::from_secs(1);
    /// The longest wait.
    pub const LONGEST_WAIT: Duration = Duration::from_secs(300);

    /// Refuses an attempt that would be too early, and begins none.
    ///
    /// # Errors
    /// The identity has to wait.
    pub fn refuse_early(&self, identity: &Identity, now: Duration) -> Result<(), TryLater> {
        let Some(failures) = self.failures.get(identity) else { return Ok(()) };
        let after = failures.wait_ends().saturating_sub(now);
        if after.is_zero() { Ok(()) } else { Err(TryLater { after }) }
    }

    /// Begins an attempt, which counts as wrong until [`Self::succeeded`]. `now` is the time since any fixed moment, by a
    /// clock that never goes back.
    ///
    /// # Errors
    /// The identity has to wait. Its password is not to be looked at.
    pub fn attempt(&mut self, identity: &Identity, now: Duration) -> Result<(), TryLater> {
        self.refuse_early(identity, now)?;
        if let Some(failures) = self.failures.get_mut(identity) {
            *failures = Failures { count: failures.count.saturating_add(1), last: now };
            return Ok(());
        }
        if self.failures.len() >= Self::MOST_IDENTITIES {
            self.forget_oldest();
        }
        self.failures.insert(identity.clone(), Failures { count: 1, last: now });
        Ok(())
    }

    /// The password was right: the identity waits no more.
    pub fn succeeded(&mut self, identity: &Identity) {
        self.failures.remove(identity);
    }

    /// Looks at every entry, which takes microseconds, for an attempt that costs milliseconds.
    fn forget_oldest(&mut self) {
        let oldest = self.failures.iter().min_by_key(|(_, failures)| failures.last);
        if let Some(oldest) = oldest.map(|(identity, _)| identity.clone()) {
            self.failures.remove(&oldest);
        }
    }
}

impl Failures {
    fn wait_ends(self) -> Duration {
        let doublings = 1_u32.checked_shl(self.count.saturating_sub(1)).unwrap_or(u32::MAX);
        let wait = BackOff::FIRST_WAIT.saturating_mul(doublings).min(BackOff::LONGEST_WAIT);
        self.last.saturating_add(wait)
    }
}

#[cfg(test)]
mod tests {
    use authenticator::for_test::client_of;
    use authenticator::trust::Role;

    use super::*;

    fn identity(name: &str) -> Identity {
        client_of("device-ca", name, Role::Device).identity().clone()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn waits_double_from_one_second_to_five_minutes() {
        let (pump, mut back_off, mut now) = (identity("pump-1"), BackOff::default(), seconds(7));
        for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].into_iter().chain([300; 60]) {
            assert_eq!(back_off.attempt(&pump, now), Ok(()), "at {now:?}");
            now += seconds(wait) - Duration::from_nanos(1);
            let later = Err(TryLater { after: Duration::from_nanos(1) });
            assert_eq!(back_off.refuse_early(&pump, now), later, "{wait} s");
            assert_eq!(back_off.attempt(&pump, now), later, "{wait} s");
            now += Duration::from_nanos(1);
            assert_eq!(back_off.refuse_early(&pump, now), Ok(()), "{wait} s, which begins nothing");
        }
    }

    #[test]
    fn asking_while_it_waits_makes_the_wait_no_longer() {
        let (pump, mut back_off) = (identity("pump-1"), BackOff::default());
        assert_eq!(back_off.attempt(&pump, seconds(0)), Ok(()));
        for tenth in 0..10 {
            let now = Duration::from_millis(100 * tenth);
            assert_eq!(back_off.attempt(&pump, now), Err(TryLater { after: seconds(1) - now }));
        }
        assert_eq!(back_off.attempt(&pump, seconds(1)), Ok(()));
    }

    #[test]
    fn of_many_that_ask_at_once_one_is_looked_at() {
        let (pump, mut back_off) = (identity("pump-1"), BackOff::default());
        let looked_at = (0..100).filter(|_| back_off.attempt(&pump, seconds(5)).is_ok()).count();
        assert_eq!(looked_at, 1);
    }

    #[test]
    fn the_right_password_forgets_the_wrong_ones_of_this_identity_alone() {
        let (pump, valve, mut back_off) = (identity("pump-1"), identity("valve-1"), BackOff::default());
        for now in [0, 1, 3] {
            assert_eq!(back_off.attempt(&pump, seconds(now)), Ok(()));
            assert_eq!(back_off.attempt(&valve, seconds(now)), Ok(()));
        }
        back_off.succeeded(&pump);
        assert_eq!(back_off.attempt(&pump, seconds(3)), Ok(()));
        assert_eq!(back_off.attempt(&pump, seconds(4)), Ok(()), "one second, as after a first one");
        assert_eq!(back_off.attempt(&valve, seconds(4)), Err(TryLater { after: seconds(3) }));
    }

    #[test]
    fn the_oldest_attempt_is_forgotten_when_there_are_too_many() {
        let mut back_off = BackOff::default();
        let names: Vec<_> = (0..=BackOff::MOST_IDENTITIES).map(|n| identity(&format!("d{n}"))).collect();
        let (first, rest) = names.split_first().expect("names");
        for name in &names {
            assert_eq!(back_off.attempt(name, seconds(0)), Ok(()));
            // The first asks again, later than all: it is no longer the oldest.
            if name == first {
                assert_eq!(back_off.attempt(first, seconds(1)), Ok(()));
            }
        }
        assert_eq!(back_off.failures.len(), BackOff::MOST_IDENTITIES);
        assert!(back_off.attempt(first, seconds(1)).is_err(), "the newest attempt is kept");
        let forgotten = rest.iter().filter(|name| !back_off.failures.contains_key(name)).count();
        assert_eq!(forgotten, 1);
    }

    #[test]
    fn the_end_of_time_is_no_panic() {
        let (pump, mut back_off) = (identity("pump-1"), BackOff::default());
        assert_eq!(back_off.attempt(&pump, Duration::MAX), Ok(()));
        assert_eq!(back_off.attempt(&pump, Duration::MAX), Ok(()), "nothing is later");
        assert!(back_off.attempt(&pump, seconds(0)).is_err());
    }
}
