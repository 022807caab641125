//! [`PasswordLimit`]: how much time passwords may take from a host that has one thread.

use std::time::Duration;

use second_factor::password::Cost;

/// How much a full bucket holds, as time.
const BUCKET_DEPTH: Duration = Duration::from_secs(1);

/// Limits how many passwords are looked at, whoever shows them: [`Self::A_SECOND`] at the default [`Cost`], each of which takes
/// some 20 ms. One that costs more counts as many times: the most expensive as seven. Where the machine is slow, or busy, there
/// are fewer: all together take a [`Self::SHARE`]th of the time.
///
/// A token bucket that holds one second's worth, kept as the time at which it will be full (the virtual scheduling algorithm
/// of ITU-T I.371). Times are since any fixed moment, by a clock that never goes back.
#[derive(Clone, Copy, Debug, Default)]
pub struct PasswordLimit {
    full_at: Duration,
}

/// The time that was taken for a password, before it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it may take longer"]
pub struct Taken(Duration);

/// There is no time for another password now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more passwords are shown than the {} a second that are looked at", PasswordLimit::A_SECOND)]
pub struct NoTime;

impl PasswordLimit {
    /// How many passwords of the default cost are looked at in a second.
    pub const A_SECOND: u32 = 5;
    /// Of how much time they take one part, once they have taken more than the bucket holds.
    pub const SHARE: u32 = 5;

    /// Takes the time for a password of this cost.
    ///
    /// # Errors
    /// There is none, and none is taken.
    pub fn take(&mut self, cost: &Cost, now: Duration) -> Result<Taken, NoTime> {
        let time = BUCKET_DEPTH / Self::A_SECOND * weight(cost);
        let owed = self.full_at.saturating_sub(now);
        // What costs more than the bucket holds is begun when it is full, and whoever comes next waits for longer.
        if owed.saturating_add(time.min(BUCKET_DEPTH)) > BUCKET_DEPTH {
            return Err(NoTime);
        }
        self.full_at = self.full_at.max(now).saturating_add(time);
        Ok(Taken(time))
    }

    /// The password that time was `taken` for has been looked at, which took so `long`.
    pub fn looked_at(&mut self, taken: Taken, long: Duration) {
        let more = long.saturating_mul(Self::SHARE).saturating_sub(taken.0);
        self.full_at = self.full_at.saturating_add(more);
    }
}

/// How many passwords of the default cost take as long.
fn weight(cost: &Cost) -> u32 {
    let work = |cost: &Cost| cost.memory_kib().saturating_mul(cost.passes());
    work(cost).div_ceil(work(&Cost::default()).max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn milliseconds(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_second_has_time_for_five_and_the_next_for_five_more() {
        let (mut limit, cost) = (PasswordLimit::default(), Cost::default());
        let mut taken = |at: u64| (0..100).filter(|_| limit.take(&cost, milliseconds(at)).is_ok()).count();
        assert_eq!((taken(0), taken(199), taken(200), taken(1000), taken(1199)), (5, 0, 1, 4, 0));
        assert_eq!(taken(60_000), 5, "a pause saves no more than a second's worth");
    }

    #[test]
    fn what_costs_more_counts_more() {
        let most = Cost::new(Cost::MOST_MEMORY_KIB, Cost::MOST_PASSES, Cost::MOST_LANES).unwrap();
        let least = Cost::new(8, 1, 1).unwrap();
        assert_eq!((weight(&least), weight(&Cost::default()), weight(&most)), (1, 1, 7));
        let mut limit = PasswordLimit::default();
        assert!(limit.take(&most, Duration::ZERO).is_ok(), "it costs more than the bucket holds");
        assert_eq!(limit.take(&least, milliseconds(599)), Err(NoTime));
        assert!(limit.take(&least, milliseconds(600)).is_ok());
        assert_eq!(limit.take(&most, milliseconds(1599)), Err(NoTime));
        assert!(limit.take(&most, milliseconds(1600)).is_ok());
    }

    #[test]
    fn a_slow_machine_looks_at_fewer() {
        for (long, looked_at) in [(0, 55), (20, 55), (40, 55), (100, 22), (1000, 3), (5000, 1)] {
            let (mut limit, mut now, mut count) = (PasswordLimit::default(), 0, 0);
            while now < 10_000 {
                match limit.take(&Cost::default(), milliseconds(now)) {
                    Ok(taken) => {
                        limit.looked_at(taken, milliseconds(long));
                        (now, count) = (now + long.max(1), count + 1);
                    }
                    Err(NoTime) => now += 1,
                }
            }
            assert!(count <= looked_at && count + 3 >= looked_at, "{count} of {long} ms each");
        }
    }

    proptest! {
        #[test]
        fn no_ten_seconds_have_time_for_more(steps in proptest::collection::vec(0_u64..200, 1..400), costly in any::<bool>()) {
            let cost = if costly { Cost::new(40_000, 2, 1).unwrap() } else { Cost::default() };
            let (mut limit, mut now, mut begun) = (PasswordLimit::default(), 0, Vec::new());
            for step in steps {
                now += step;
                if limit.take(&cost, milliseconds(now)).is_ok() {
                    begun.push(now);
                }
            }
            let most = 11 * u64::from(PasswordLimit::A_SECOND) / u64::from(weight(&cost));
            for from in &begun {
                let within = begun.iter().filter(|at| (*from..*from + 10_000).contains(at)).count();
                prop_assert!(within as u64 <= most + 1, "{within}");
            }
        }
    }

    #[test]
    fn the_end_of_time_is_no_panic() {
        let mut limit = PasswordLimit::default();
        for now in [Duration::MAX, Duration::ZERO, Duration::MAX] {
            if let Ok(taken) = limit.take(&Cost::default(), now) {
                limit.looked_at(taken, Duration::MAX);
            }
        }
    }
}
