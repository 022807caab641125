//! Days of bad networks, one simulation for every seed.

use std::ops::Range;
use std::time::Duration;

use countersign_agent::device::Config;
use countersign_agent::session::Timing;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rmqtt_codec::v5::DisconnectReasonCode;
use tokio::time::sleep;

use super::path::{Conditions, ConnectOutcome};
use super::{DAY, HOUR, MINUTE, SECOND, Simulation, in_virtual_time, protocol_check, retry_check};
use crate::pki::Fleet;

/// The seeds. `COUNTERSIGN_SEEDS` sets how many, for a longer run.
fn seeds() -> Range<u64> {
    0..std::env::var("COUNTERSIGN_SEEDS").map_or(50, |count| count.parse().expect("a number of seeds"))
}

/// How long the agent may need once the network is good again: until it notices that a connection is dead, a wait
/// after what looked like a refusal, with its quarter more, and an attempt that began before.
fn recovery(config: &Config) -> Duration {
    let notices = config.keep_alive + config.response_timeout + config.acknowledgement_timeout;
    notices + config.timing.refused * 5 / 4 + config.connect_deadline
}

/// A day of network conditions drawn from `conditions`, then a good network; everything must have arrived soon after.
fn survive(conditions: fn(&mut StdRng) -> Conditions) {
    let fleet = Fleet::new();
    for seed in seeds() {
        in_virtual_time(async {
            let mut random = StdRng::seed_from_u64(seed);
            let config =
                Config { keep_alive: random.random_range(30 * SECOND..20 * MINUTE), ..Config::default() };
            let mut simulation = Simulation::with(seed, &fleet, config);
            let (network, broker, firmware) =
                (simulation.network.clone(), simulation.broker.clone(), simulation.firmware.clone());
            let log = simulation.log.clone();
            let script = async {
                let mut commands = 0;
                while log.now() < DAY {
                    let is_good = random.random_bool(0.5);
                    network.set_conditions(if is_good { Conditions::GOOD } else { conditions(&mut random) });
                    let is_busy = random.random_bool(0.1);
                    firmware.publish_every(Some(SECOND..if is_busy { 10 * SECOND } else { 20 * MINUTE }));
                    if random.random_bool(0.5) {
                        commands += 1;
                        broker.send_command(&format!("c{commands}"), "jump");
                    }
                    if random.random_bool(0.1) {
                        broker.behaviour().keeps_session ^= true;
                    }
                    if random.random_bool(0.1) {
                        broker.send_disconnect(DisconnectReasonCode::ServerShuttingDown, None);
                    }
                    let is_long = is_good || random.random_bool(0.1);
                    let longest = if is_long && !is_busy { 3 * HOUR } else { HOUR / 3 };
                    sleep(random.random_range(SECOND..longest)).await;
                }
                network.set_conditions(Conditions::GOOD);
                broker.behaviour().keeps_session = true;
                firmware.publish_every(None);
                sleep(recovery(&config)).await;
            };
            simulation.boot(script).await;
            assert!(log.is_online());
            assert_eq!(protocol_check::outstanding(&log), Vec::<String>::new());
            assert_eq!(broker.unacknowledged_commands(), 0, "commands are not acknowledged");
            retry_check::check(&log, Timing::default());
            let most = retry_check::most_attempts_in_an_hour(&log);
            assert!(most <= 60, "{most} attempts in an hour");
            // Every poll of the agent has a reason: a segment, a timer, or an instruction to the firmware.
            let reasons = log.mark() as u64 + network.segments();
            let polls = simulation.polls.get();
            assert!(polls <= reasons, "{polls} polls, and not more than {reasons} reasons for one");
        });
    }
}

/// A random probability below `most`.
fn up_to(most: f64, random: &mut StdRng) -> f64 {
    random.random_range(0.0..most)
}

#[test]
fn loss_and_delay_cost_time_and_no_message() {
    survive(|random| Conditions {
        longest_segment: random.random_range(1..1460),
        delay: random.random_range(Duration::ZERO..2 * SECOND),
        jitter: random.random_range(Duration::ZERO..5 * SECOND),
        loss: up_to(0.5, random),
        ..Conditions::GOOD
    });
}

#[test]
fn connections_that_fall_silent_are_noticed_and_replaced() {
    survive(|random| Conditions {
        longest_segment: random.random_range(1..1460),
        delay: random.random_range(Duration::ZERO..SECOND),
        blackhole: up_to(0.1, random),
        reset: up_to(0.02, random),
        ..Conditions::GOOD
    });
}

#[test]
fn corrupted_bytes_end_a_connection_and_are_never_delivered() {
    survive(|random| Conditions {
        longest_segment: random.random_range(1..1460),
        jitter: random.random_range(Duration::ZERO..SECOND),
        corruption: up_to(0.2, random),
        ..Conditions::GOOD
    });
}

#[test]
fn the_agent_survives_a_network_that_comes_and_goes() {
    survive(|random| Conditions {
        connecting: match random.random_range(0..6) {
            0 => ConnectOutcome::NoLink,
            1 => ConnectOutcome::NameFails,
            2 => ConnectOutcome::Refused,
            3 => ConnectOutcome::TimesOut,
            4 => ConnectOutcome::Hangs,
            _ => ConnectOutcome::Succeeds,
        },
        loss: up_to(0.2, random),
        blackhole: up_to(1.0, random),
        reset: up_to(0.2, random),
        corruption: up_to(0.1, random),
        ..Conditions::GOOD
    });
}

#[test]
fn a_week_without_a_broker_costs_an_attempt_every_two_and_a_half_minutes() {
    in_virtual_time(async {
        let mut simulation = Simulation::new(0);
        let (log, network) = (simulation.log.clone(), simulation.network.clone());
        network.set_conditions(Conditions { connecting: ConnectOutcome::Refused, ..Conditions::GOOD });
        simulation.boot(sleep(7 * DAY)).await;
        retry_check::check(&log, Timing::default());
        // Uniform between nothing and five minutes: 4032 of them, give or take three standard deviations.
        let attempts = log.attempts(0).len();
        assert!((3920..=4150).contains(&attempts), "{attempts}");
        // It connects once the broker is there.
        network.set_conditions(Conditions::GOOD);
        let again = log.mark();
        simulation.boot(sleep(MINUTE)).await;
        assert_eq!(log.attempts(again).len(), 1);
        assert!(log.is_online());
    });
}
