//! The waits of the backoff, for any random number.

use std::time::Duration;

use countersign_agent::backoff::{Backoff, spread};
use proptest::prelude::*;

proptest! {
    #[test]
    fn no_wait_is_longer_than_its_window_and_no_window_longer_than_the_cap(
        base in 0_u64..10_000,
        cap in 0_u64..10_000_000,
        randoms in prop::collection::vec(any::<u32>(), 1..80),
    ) {
        let (base, cap) = (Duration::from_millis(base), Duration::from_millis(cap));
        let mut backoff = Backoff::new(base, cap);
        let mut previous = Duration::ZERO;
        for random in randoms {
            let window = backoff.window();
            prop_assert!(window >= previous && window <= cap.max(base.min(cap)));
            prop_assert!(backoff.next_wait(random) <= window);
            previous = window;
        }
    }

    #[test]
    fn windows_double_until_the_cap(attempts in 0_u32..40) {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(300));
        for _ in 0..attempts {
            backoff.next_wait(0);
        }
        let expected = 2_u64.saturating_pow(attempts).min(300);
        prop_assert_eq!(backoff.window(), Duration::from_secs(expected));
    }

    #[test]
    fn a_spread_reaches_both_ends_and_nothing_beyond(millis in 0_u64..=u64::from(u32::MAX), random: u32) {
        let window = Duration::from_millis(millis);
        prop_assert!(spread(window, random) <= window);
        prop_assert_eq!(spread(window, 0), Duration::ZERO);
        prop_assert_eq!(spread(window, u32::MAX), window);
    }
}

#[test]
fn jitter_is_spread_evenly_over_the_window() {
    let window = Duration::from_secs(300);
    let mut tenths = [0_u32; 10];
    for step in 0..10_000_u32 {
        // Evenly spaced inputs stand for uniform randomness.
        let wait = spread(window, step.wrapping_mul(429_497));
        tenths[(wait.as_millis() * 10 / 300_001) as usize] += 1;
    }
    assert!(tenths.iter().all(|count| (990..=1010).contains(count)), "{tenths:?}");
}

#[test]
fn a_reset_starts_over_with_the_shortest_window() {
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(300));
    for _ in 0..100 {
        backoff.next_wait(u32::MAX);
    }
    assert_eq!(backoff.window(), Duration::from_secs(300));
    backoff.reset();
    assert_eq!(backoff.window(), Duration::from_secs(1));
}
