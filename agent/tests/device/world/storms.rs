//! Days of bad networks, one world for every seed.

use std::ops::Range;
use std::time::Duration;

use countersign_agent::device::Config;
use countersign_agent::session::Timing;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rmqtt_codec::v5::DisconnectReasonCode;
use tokio::time::sleep;

use super::course::{Conditions, Connecting};
use super::{DAY, HOUR, MINUTE, SECOND, World, etiquette, in_virtual_time, patience};
use crate::pki::Fleet;

/// Worlds of every kind of weather; a longer run of one's own sets `COUNTERSIGN_SEEDS`.
fn seeds() -> Range<u64> {
    0..std::env::var("COUNTERSIGN_SEEDS").map_or(50, |count| count.parse().expect("a number of seeds"))
}

/// How long the agent may need once the network is good again: until it notices that a connection is dead, a wait
/// after what looked like a refusal, with its quarter more, and an attempt that began before.
fn recovery(config: &Config) -> Duration {
    let notices = config.keep_alive + config.patience + config.acknowledgement;
    notices + config.timing.refused * 5 / 4 + config.connect_deadline
}

/// A day of weather that `conditions` makes, then calm; everything must have arrived soon after.
fn survive(conditions: fn(&mut StdRng) -> Conditions) {
    let fleet = Fleet::new();
    for seed in seeds() {
        in_virtual_time(async {
            let mut random = StdRng::seed_from_u64(seed);
            let config =
                Config { keep_alive: random.random_range(30 * SECOND..20 * MINUTE), ..Config::default() };
            let mut world = World::with(seed, &fleet, config);
            let (air, broker, orders) = (world.air.clone(), world.broker.clone(), world.orders.clone());
            let chronicle = world.chronicle.clone();
            let storm = async {
                let mut commands = 0;
                while chronicle.now() < DAY {
                    let is_calm = random.random_bool(0.5);
                    air.become_like(if is_calm { Conditions::GOOD } else { conditions(&mut random) });
                    let is_talkative = random.random_bool(0.1);
                    orders.talk(Some(SECOND..if is_talkative { 10 * SECOND } else { 20 * MINUTE }));
                    if random.random_bool(0.5) {
                        commands += 1;
                        broker.commands(&format!("c{commands}"), "jump");
                    }
                    if random.random_bool(0.1) {
                        broker.manners().remembers ^= true;
                    }
                    if random.random_bool(0.1) {
                        broker.disconnects(DisconnectReasonCode::ServerShuttingDown, None);
                    }
                    let is_long = is_calm || random.random_bool(0.1);
                    let longest = if is_long && !is_talkative { 3 * HOUR } else { HOUR / 3 };
                    sleep(random.random_range(SECOND..longest)).await;
                }
                air.become_like(Conditions::GOOD);
                broker.manners().remembers = true;
                orders.talk(None);
                sleep(recovery(&config)).await;
            };
            world.boot(storm).await;
            assert!(chronicle.is_online());
            assert_eq!(etiquette::outstanding(&chronicle), Vec::<String>::new());
            assert_eq!(broker.is_owed(), 0, "commands are not acknowledged");
            patience::was_kept(&chronicle, Timing::default());
            let most = patience::most_attempts_in_an_hour(&chronicle);
            assert!(most <= 60, "{most} attempts in an hour");
            // It wakes up for something: a segment, a timer, a word of the firmware.
            let reasons = chronicle.mark() as u64 + air.segments();
            let polls = world.polls.get();
            assert!(polls <= reasons, "{polls} polls, and not more than {reasons} reasons for one");
        });
    }
}

/// A chance of at most this.
fn up_to(most: f64, random: &mut StdRng) -> f64 {
    random.random_range(0.0..most)
}

#[test]
fn a_network_that_loses_and_delays_costs_nothing_but_time() {
    survive(|random| Conditions {
        longest_segment: random.random_range(1..1460),
        delay: random.random_range(Duration::ZERO..2 * SECOND),
        jitter: random.random_range(Duration::ZERO..5 * SECOND),
        loss: up_to(0.5, random),
        ..Conditions::GOOD
    });
}

#[test]
fn connections_whose_other_end_vanishes_are_noticed_and_replaced() {
    survive(|random| Conditions {
        longest_segment: random.random_range(1..1460),
        delay: random.random_range(Duration::ZERO..SECOND),
        vanishing: up_to(0.1, random),
        reset: up_to(0.02, random),
        ..Conditions::GOOD
    });
}

#[test]
fn bytes_in_disorder_end_a_connection_and_are_never_believed() {
    survive(|random| Conditions {
        longest_segment: random.random_range(1..1460),
        jitter: random.random_range(Duration::ZERO..SECOND),
        disorder: up_to(0.2, random),
        ..Conditions::GOOD
    });
}

#[test]
fn networks_that_come_and_go_find_the_agent_waiting() {
    survive(|random| Conditions {
        connecting: match random.random_range(0..6) {
            0 => Connecting::NoLink,
            1 => Connecting::NameFails,
            2 => Connecting::Refused,
            3 => Connecting::TimesOut,
            4 => Connecting::Hangs,
            _ => Connecting::Succeeds,
        },
        loss: up_to(0.2, random),
        vanishing: up_to(1.0, random),
        reset: up_to(0.2, random),
        disorder: up_to(0.1, random),
        ..Conditions::GOOD
    });
}

#[test]
fn a_week_without_a_broker_costs_an_attempt_every_two_and_a_half_minutes() {
    in_virtual_time(async {
        let mut world = World::new(0);
        let (chronicle, air) = (world.chronicle.clone(), world.air.clone());
        air.become_like(Conditions { connecting: Connecting::Refused, ..Conditions::GOOD });
        world.boot(sleep(7 * DAY)).await;
        patience::was_kept(&chronicle, Timing::default());
        // Uniform between nothing and five minutes: 4032 of them, give or take three standard deviations.
        let attempts = chronicle.attempts(0).len();
        assert!((3920..=4150).contains(&attempts), "{attempts}");
        // And it is there once the broker is.
        air.become_like(Conditions::GOOD);
        let again = chronicle.mark();
        world.boot(sleep(MINUTE)).await;
        assert_eq!(chronicle.attempts(again).len(), 1);
        assert!(chronicle.is_online());
    });
}
