//! What the broker says about the time, and what the device makes of it.

use countersign_agent::device::{Cause, Config};
use countersign_agent::session::State;
use countersign_agent::tls::{ChainError, TlsError};
use rcgen::date_time_ymd;

use super::broker::Act;
use super::chronicle::End;
use super::manners::{TIME, hint};
use super::{HOUR, MINUTE, World, in_virtual_time};
use crate::pki::{Certified, Fleet, NOW};

const DAYS: u64 = 24 * 60 * 60;

/// A world whose broker says that it is `time`.
fn world(fleet: &Fleet, time: &str) -> World {
    let world = World::with(0, fleet, Config::default());
    says(&world, time);
    world
}

fn says(world: &World, time: &str) {
    world.broker.manners().accepts(|connack| connack.user_properties = hint(TIME, Some(time)));
}

/// Boots until the device is online.
async fn comes_online(world: &mut World) {
    let chronicle = world.chronicle.clone();
    world.boot(chronicle.becomes(chronicle.mark(), State::Online, MINUTE)).await;
}

/// Boots until the first attempt has failed.
async fn fails(world: &mut World) -> End {
    let chronicle = world.chronicle.clone();
    world.boot(chronicle.ends(chronicle.mark(), MINUTE)).await
}

/// A broker whose certificate ends with 2026.
fn short_lived(fleet: &Fleet) -> (Certified, u64) {
    let broker = fleet.broker_issuing.broker_with(|params| params.not_after = date_time_ymd(2027, 1, 1));
    (broker, NOW + 365 * DAYS)
}

#[test]
fn what_the_broker_says_is_kept_over_a_power_cut_and_never_goes_back() {
    in_virtual_time(async {
        let fleet = Fleet::new();
        let mut world = world(&fleet, &(NOW + 30 * DAYS).to_string());
        comes_online(&mut world).await;
        assert_eq!(world.board.kept_floor().await, NOW + 30 * DAYS);
        for less in [(NOW + 29 * DAYS).to_string(), "0".to_owned(), "noon".to_owned(), "-5".to_owned()] {
            says(&world, &less);
            comes_online(&mut world).await;
            assert_eq!(world.board.kept_floor().await, NOW + 30 * DAYS, "{less}");
        }
        says(&world, &(NOW + 31 * DAYS).to_string());
        comes_online(&mut world).await;
        assert_eq!(world.board.kept_floor().await, NOW + 31 * DAYS);
    });
}

#[test]
fn a_broker_is_believed_up_to_the_end_of_its_own_certificate() {
    in_virtual_time(async {
        let fleet = Fleet::new();
        let (broker, not_after) = short_lived(&fleet);
        for time in [not_after + 1, not_after + 3650 * DAYS, u64::MAX] {
            let mut world = world(&fleet, &time.to_string());
            world.broker.shows(&fleet, &broker);
            comes_online(&mut world).await;
            assert_eq!(world.board.kept_floor().await, not_after, "{time}");
            // Its certificate is still good in its last second, so nobody has locked the device out.
            comes_online(&mut world).await;
        }
    });
}

#[test]
fn a_certificate_that_ended_before_the_kept_floor_is_refused_at_once_and_after_a_power_cut() {
    in_virtual_time(async {
        let fleet = Fleet::new();
        let (broker, not_after) = short_lived(&fleet);
        let mut world = world(&fleet, &(not_after + DAYS).to_string());
        let (chronicle, handle) = (world.chronicle.clone(), world.broker.clone());
        let script = async {
            chronicle.becomes(0, State::Online, MINUTE).await;
            handle.shows(&fleet, &broker);
            handle.act(Act::HangUp);
            chronicle.ends(chronicle.mark(), MINUTE).await;
            // The floor has risen for this boot too.
            chronicle.ends(chronicle.mark(), HOUR).await
        };
        for end in [world.boot(script).await, fails(&mut world).await] {
            assert!(matches!(end.cause, Cause::Tls(TlsError::Chain(ChainError::Time { .. }))), "{end:?}");
            assert_eq!(end.state, State::Offline);
        }
        world.broker.shows(&fleet, &fleet.broker);
        comes_online(&mut world).await;
    });
}

#[test]
fn a_clock_that_fell_behind_the_kept_floor_is_not_trusted() {
    in_virtual_time(async {
        let fleet = Fleet::new();
        let floor = NOW + 30 * DAYS;
        let mut world = world(&fleet, &floor.to_string());
        let clock = world.board.clock();
        clock.set(NOW + 31 * DAYS);
        comes_online(&mut world).await;
        clock.set(NOW + 20 * DAYS);
        let end = fails(&mut world).await;
        let Cause::Tls(TlsError::ClockBehindFloor { clock: seen, floor: kept }) = end.cause else {
            panic!("{end:?}")
        };
        assert_eq!((seen, kept), (NOW + 20 * DAYS, floor));
        // Nobody was asked for a connection.
        let attempts = world.chronicle.attempts(0).len();
        assert_eq!(attempts, 1);
        // Somebody sets it right.
        clock.set(NOW + 32 * DAYS);
        comes_online(&mut world).await;
    });
}
