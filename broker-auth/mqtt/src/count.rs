//! Counting what happens, and logging a sample of it: the 1st, 2nd, 4th, 8th … time.
//!
//! A flood of the same event fills no log that way, and the last line still tells the order of magnitude.

use std::sync::atomic::{AtomicU64, Ordering};

/// One counter since the start of the process.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// One more. Returns how many there are now, if this one is to be logged.
    pub fn sample(&self) -> Option<u64> {
        sampled(self.add(1))
    }

    /// One more.
    pub fn one(&self) {
        self.add(1);
    }

    /// So many more; how many there are now.
    pub fn add(&self, count: u64) -> u64 {
        self.0.fetch_add(count, Ordering::Relaxed).wrapping_add(count)
    }

    /// How many there are.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Defines a struct `Counters` whose fields are [`Count`]s.
#[macro_export]
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counters since the start of the process.
        #[derive(Debug, Default)]
        pub struct Counters { $($(#[$doc])* pub $name: $crate::count::Count,)* }

        impl Counters {
            /// Their names, and their values now.
            pub fn values(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name.get()),)*].into_iter()
            }
        }
    };
}

/// The same for what a single owner counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sampler(u64);

impl Sampler {
    /// One more. Returns how many there are now, if this one is to be logged.
    pub fn sample(&mut self) -> Option<u64> {
        self.0 += 1;
        sampled(self.0)
    }
}

/// A total of one owner's. It is logged when the 1st, 2nd, 4th, 8th … amount comes to it, and in the end unless it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    amounts: Sampler,
    total: u64,
    logged: u64,
}

impl Total {
    /// So many more. Returns the total, if it is to be logged now.
    pub fn add(&mut self, amount: u64) -> Option<u64> {
        self.total += amount;
        self.amounts.sample().and_then(|_| self.unlogged())
    }

    /// The total, unless it is what was logged last. It counts as logged from here on.
    pub fn unlogged(&mut self) -> Option<u64> {
        let is_news = self.total != self.logged;
        self.logged = self.total;
        is_news.then_some(self.total)
    }
}

fn sampled(count: u64) -> Option<u64> {
    count.is_power_of_two().then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_second_fourth_and_eighth_are_sampled() {
        let (count, mut sampler) = (Count::default(), Sampler::default());
        let by_count: Vec<_> = (0..10).filter_map(|_| count.sample()).collect();
        let by_sampler: Vec<_> = (0..10).filter_map(|_| sampler.sample()).collect();
        assert_eq!((by_count, by_sampler), (vec![1, 2, 4, 8], vec![1, 2, 4, 8]));
        assert_eq!(count.get(), 10);
    }

    #[test]
    fn the_last_total_that_is_logged_is_the_whole() {
        let mut total = Total::default();
        assert_eq!(total.unlogged(), None);
        let logged: Vec<_> =
            [10, 20, 30, 40, 50, 60].into_iter().filter_map(|amount| total.add(amount)).collect();
        assert_eq!(logged, [10, 30, 100]);
        assert_eq!((total.unlogged(), total.unlogged()), (Some(210), None));
        assert_eq!((total.add(1), total.add(1), total.unlogged()), (None, Some(212), None));
        assert_eq!(total.add(0), None);
    }
}
