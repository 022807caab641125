//! When a session tries again.

use std::time::Duration;

use countersign_agent::ending::Ending;
use countersign_agent::session::{Session, State, Timing};
use proptest::prelude::*;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_session_goes_from_offline_over_connecting_to_online_and_back() {
    let mut session = Session::new(Timing::default());
    assert_eq!(session.state(), State::Offline);
    session.connecting();
    assert_eq!(session.state(), State::Connecting);
    session.online(Duration::ZERO);
    assert_eq!(session.state(), State::Online);
    session.ended(Ending::Lost, None, MINUTE, 0);
    assert_eq!(session.state(), State::Offline);
    session.connecting();
    session.ended(Ending::Refused, None, MINUTE, 0);
    assert_eq!(session.state(), State::Refused);
}

#[test]
fn only_a_stable_session_resets_the_backoff() {
    let longest = |lasted: Duration| {
        let mut session = Session::new(Timing::default());
        for _ in 0..20 {
            session.ended(Ending::Lost, None, Duration::ZERO, u32::MAX);
        }
        session.online(MINUTE);
        session.ended(Ending::Lost, None, MINUTE + lasted, u32::MAX)
    };
    assert_eq!(longest(Duration::from_secs(59)), 5 * MINUTE);
    assert_eq!(longest(Duration::from_secs(60)), Duration::from_secs(1));
}

proptest! {
    #[test]
    fn a_refused_device_stays_away_for_ten_minutes_at_least(
        random: u32,
        asked in prop::option::of(0_u64..1_000_000_000),
        attempts in 1..20,
    ) {
        let mut session = Session::new(Timing::default());
        let asked = asked.map(Duration::from_secs);
        for _ in 0..attempts {
            session.connecting();
            let wait = session.ended(Ending::Refused, asked, Duration::ZERO, random);
            prop_assert!(wait >= 10 * MINUTE, "{wait:?}");
            prop_assert!(wait <= Timing::LONGEST_RETRY_AFTER * 5 / 4, "{wait:?}");
        }
    }

    #[test]
    fn a_retry_after_of_the_broker_counts_up_to_a_day(random: u32, asked in 0_u64..200_000) {
        let mut session = Session::new(Timing::default());
        let asked = Duration::from_secs(asked);
        let wait = session.ended(Ending::Lost, Some(asked), Duration::ZERO, random);
        prop_assert!(wait >= asked.min(Duration::from_secs(24 * 60 * 60)), "{wait:?}");
    }

    #[test]
    fn a_clock_that_runs_backwards_is_no_stable_session(random: u32) {
        let mut session = Session::new(Timing::default());
        session.online(10 * MINUTE);
        session.ended(Ending::Lost, None, MINUTE, random);
        session.online(MINUTE);
        let wait = session.ended(Ending::Lost, None, MINUTE, u32::MAX);
        prop_assert_eq!(wait, Duration::from_secs(2));
    }
}
