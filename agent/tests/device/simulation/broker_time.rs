//! The broker's time (`countersign-time`) and the device's time floor.

use countersign_agent::device::{Cause, Config};
use countersign_agent::session::State;
use countersign_agent::tls::{ChainError, TlsError};
use rcgen::date_time_ymd;

use super::broker::BrokerAction;
use super::broker_behaviour::{TIME, user_property};
use super::event_log::End;
use super::{HOUR, MINUTE, Simulation, in_virtual_time};
use crate::pki::{Certified, Fleet, NOW};

const DAYS: u64 = 24 * 60 * 60;

/// A simulation whose broker says that it is `time`.
fn simulation_at(fleet: &Fleet, time: &str) -> Simulation {
    let simulation = Simulation::with(0, fleet, Config::default());
    set_broker_time(&simulation, time);
    simulation
}

fn set_broker_time(simulation: &Simulation, time: &str) {
    simulation
        .broker
        .behaviour()
        .accept_with(|connack| connack.user_properties = user_property(TIME, Some(time)));
}

/// Boots until the device is online.
async fn boot_until_online(simulation: &mut Simulation) {
    let log = simulation.log.clone();
    simulation.boot(log.wait_for_state(log.mark(), State::Online, MINUTE)).await;
}

/// Boots until the first attempt has failed.
async fn first_failure(simulation: &mut Simulation) -> End {
    let log = simulation.log.clone();
    simulation.boot(log.wait_for_end(log.mark(), MINUTE)).await
}

/// A broker whose certificate expires with the year 2026.
fn short_lived(fleet: &Fleet) -> (Certified, u64) {
    let broker = fleet.broker_issuing.broker_with(|params| params.not_after = date_time_ymd(2027, 1, 1));
    (broker, NOW + 365 * DAYS)
}

#[test]
fn the_time_floor_is_kept_over_a_power_cut_and_never_falls() {
    in_virtual_time(async {
        let fleet = Fleet::new();
        let mut simulation = simulation_at(&fleet, &(NOW + 30 * DAYS).to_string());
        boot_until_online(&mut simulation).await;
        assert_eq!(simulation.board.kept_floor().await, NOW + 30 * DAYS);
        for less in [(NOW + 29 * DAYS).to_string(), "0".to_owned(), "noon".to_owned(), "-5".to_owned()] {
            set_broker_time(&simulation, &less);
            boot_until_online(&mut simulation).await;
            assert_eq!(simulation.board.kept_floor().await, NOW + 30 * DAYS, "{less}");
        }
        set_broker_time(&simulation, &(NOW + 31 * DAYS).to_string());
        boot_until_online(&mut simulation).await;
        assert_eq!(simulation.board.kept_floor().await, NOW + 31 * DAYS);
    });
}

#[test]
fn the_time_of_a_broker_counts_up_to_the_not_after_of_its_certificate() {
    in_virtual_time(async {
        let fleet = Fleet::new();
        let (broker, not_after) = short_lived(&fleet);
        for time in [not_after + 1, not_after + 3650 * DAYS, u64::MAX] {
            let mut simulation = simulation_at(&fleet, &time.to_string());
            simulation.broker.use_certificate(&fleet, &broker);
            boot_until_online(&mut simulation).await;
            assert_eq!(simulation.board.kept_floor().await, not_after, "{time}");
            // The certificate is still valid in its last second, so the device is not locked out.
            boot_until_online(&mut simulation).await;
        }
    });
}

#[test]
fn a_certificate_that_expired_before_the_time_floor_is_refused_at_once_and_after_a_power_cut() {
    in_virtual_time(async {
        let fleet = Fleet::new();
        let (broker, not_after) = short_lived(&fleet);
        let mut simulation = simulation_at(&fleet, &(not_after + DAYS).to_string());
        let (log, handle) = (simulation.log.clone(), simulation.broker.clone());
        let script = async {
            log.wait_for_state(0, State::Online, MINUTE).await;
            handle.use_certificate(&fleet, &broker);
            handle.act(BrokerAction::HangUp);
            log.wait_for_end(log.mark(), MINUTE).await;
            // The floor has risen for this boot too.
            log.wait_for_end(log.mark(), HOUR).await
        };
        for end in [simulation.boot(script).await, first_failure(&mut simulation).await] {
            assert!(matches!(end.cause, Cause::Tls(TlsError::Chain(ChainError::Time { .. }))), "{end:?}");
            assert_eq!(end.state, State::Offline);
        }
        simulation.broker.use_certificate(&fleet, &fleet.broker);
        boot_until_online(&mut simulation).await;
    });
}

#[test]
fn a_clock_behind_the_time_floor_is_not_trusted() {
    in_virtual_time(async {
        let fleet = Fleet::new();
        let floor = NOW + 30 * DAYS;
        let mut simulation = simulation_at(&fleet, &floor.to_string());
        let clock = simulation.board.clock();
        clock.set(NOW + 31 * DAYS);
        boot_until_online(&mut simulation).await;
        clock.set(NOW + 20 * DAYS);
        let end = first_failure(&mut simulation).await;
        let Cause::Tls(TlsError::ClockBehindFloor { clock: seen, floor: kept }) = end.cause else {
            panic!("{end:?}")
        };
        assert_eq!((seen, kept), (NOW + 20 * DAYS, floor));
        // No connection was attempted.
        let attempts = simulation.log.attempts(0).len();
        assert_eq!(attempts, 1);
        // The clock is set right.
        clock.set(NOW + 32 * DAYS);
        boot_until_online(&mut simulation).await;
    });
}
