//! Quantiles.

use std::fmt;
use std::time::Duration;

/// Durations in order.
#[derive(Clone, Debug, Default)]
pub struct Spread(Vec<Duration>);

impl FromIterator<Duration> for Spread {
    fn from_iter<I: IntoIterator<Item = Duration>>(durations: I) -> Self {
        let mut sorted: Vec<_> = durations.into_iter().collect();
        sorted.sort_unstable();
        Self(sorted)
    }
}

impl Spread {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The smallest duration that `share` (0 to 1) of all do not exceed; zero if there is none.
    pub fn quantile(&self, share: f64) -> Duration {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        self.quantile(1.0)
    }
}

impl fmt::Display for Spread {
    /// Median, 99th percentile and maximum, in milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, p99, max] = [0.5, 0.99, 1.0].map(|share| self.quantile(share).as_secs_f64() * 1e3);
        write!(f, "{median:.1} / {p99:.1} / {max:.1} ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_durations() {
        let spread: Spread = (1..=100).rev().map(Duration::from_millis).collect();
        let millis = |share| spread.quantile(share).as_millis();
        assert_eq!(
            (millis(0.0), millis(0.5), millis(0.99), millis(0.991), millis(1.0)),
            (1, 50, 99, 100, 100)
        );
        assert_eq!(Spread::default().quantile(0.5), Duration::ZERO);
    }
}
