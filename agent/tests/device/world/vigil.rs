//! Whether anybody is still there: pings, and who does not answer them.

use std::time::Duration;

use countersign_agent::device::{Cause, Config, Step};
use countersign_agent::mqtt::QoS;
use countersign_agent::session::{State, Timing};
use rmqtt_codec::v5::{ConnectAckReason, Packet};
use tokio::time::sleep;

use super::chronicle::{Chronicle, Event};
use super::{HOUR, MINUTE, SECOND, World, etiquette, in_virtual_time, patience};
use crate::pki::Fleet;

/// When the broker got a PINGREQ.
fn pings(chronicle: &Chronicle) -> Vec<Duration> {
    chronicle.all(0, |entry| match entry.event {
        Event::Received { packet: Packet::PingRequest, .. } => Some(entry.at),
        _ => None,
    })
}

/// The pings of `lasting`, and their distances.
async fn distances(config: Config, server_keep_alive: Option<u16>, lasting: Duration) -> Vec<Duration> {
    let mut world = World::with(0, &Fleet::new(), config);
    world.broker.manners().accepts(|connack| connack.server_keepalive_sec = server_keep_alive);
    world.boot(sleep(lasting)).await;
    let chronicle = &world.chronicle;
    assert_eq!(chronicle.all_ends(0), []);
    let pings = pings(chronicle);
    pings.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn a_silent_device_asks_after_three_quarters_of_the_keep_alive() {
    in_virtual_time(async {
        for (own, of_broker, expected) in [
            (60, None, 45 * SECOND),
            (60, Some(20), 15 * SECOND),
            (60, Some(1), 3 * SECOND / 4),
            (60, Some(600), 45 * SECOND),
            // Zero turns the mechanism off; the device wants to know all the same.
            (60, Some(0), 45 * SECOND),
            (1200, None, 15 * MINUTE),
        ] {
            let config = Config { keep_alive: Duration::from_secs(own), ..Config::default() };
            let distances = distances(config, of_broker, 100 * expected).await;
            assert!(distances.len() > 95, "{own} {of_broker:?}: {}", distances.len());
            let odd = distances.iter().find(|distance| **distance != expected);
            assert_eq!(odd, None, "{own} {of_broker:?}");
        }
    });
}

#[test]
fn no_configuration_makes_it_a_flood_or_a_panic() {
    in_virtual_time(async {
        for keep_alive in [Duration::ZERO, Duration::from_nanos(1), SECOND / 2, SECOND, Duration::MAX] {
            for wait in [Duration::ZERO, Duration::from_millis(1), Duration::MAX] {
                let timing = Timing { base: wait, cap: wait, stable_after: wait, refused: wait };
                let config = Config {
                    keep_alive,
                    patience: wait,
                    acknowledgement: wait,
                    connect_deadline: wait,
                    timing,
                    ..Config::default()
                };
                let distances = distances(config, None, HOUR / 4).await;
                let shortest = distances.iter().min().copied().unwrap_or(Duration::MAX);
                assert!(shortest >= 3 * SECOND / 4, "{keep_alive:?} {wait:?}: {shortest:?}");
            }
        }
    });
}

#[test]
fn a_wait_longer_than_time_is_waited_for_ever() {
    in_virtual_time(async {
        let timing = Timing { refused: Duration::MAX, ..Timing::default() };
        let mut world = World::with(0, &Fleet::new(), Config { timing, ..Config::default() });
        world.broker.manners().refuses(ConnectAckReason::NotAuthorized, None);
        world.boot(sleep(30 * HOUR)).await;
        assert_eq!(world.chronicle.attempts(0).len(), 1);
        assert_eq!(world.chronicle.all_ends(0)[0].wait, Duration::MAX);
    });
}

#[test]
fn a_device_that_is_answered_need_not_ask() {
    in_virtual_time(async {
        for (qos, asks) in [(QoS::AtLeastOnce, false), (QoS::AtMostOnce, true)] {
            let mut world = World::new(0);
            let orders = world.orders.clone();
            let script = async {
                for _ in 0..100 {
                    orders.say("still there", qos);
                    sleep(30 * SECOND).await;
                }
            };
            world.boot(script).await;
            assert_eq!(!pings(&world.chronicle).is_empty(), asks, "{qos:?}");
        }
    });
}

#[test]
fn a_command_may_take_ten_minutes_and_the_broker_knows_that_the_device_lives() {
    in_virtual_time(async {
        let mut world = World::new(0);
        let (chronicle, broker) = (world.chronicle.clone(), world.broker.clone());
        world.orders.obey_slowly(10 * MINUTE);
        for command in 0..4 {
            world.broker.commands(&format!("c{command}"), "dig");
        }
        world.boot(sleep(HOUR)).await;
        assert_eq!(chronicle.all_ends(0), []);
        assert_eq!(broker.is_owed(), 0);
        etiquette::was_kept(&chronicle);
        assert_eq!(etiquette::outstanding(&chronicle), Vec::<String>::new());
        let heard =
            chronicle.all(0, |entry| matches!(entry.event, Event::Received { .. }).then_some(entry.at));
        assert!(heard.windows(2).all(|pair| pair[1] - pair[0] <= 45 * SECOND), "{heard:?}");
    });
}

#[test]
fn a_broker_that_falls_silent_is_given_up_within_the_keep_alive_and_patience() {
    in_virtual_time(async {
        for after in [Duration::ZERO, SECOND, 44 * SECOND, 45 * SECOND, HOUR] {
            let mut world = World::new(0);
            let (chronicle, broker) = (world.chronicle.clone(), world.broker.clone());
            let script = async {
                chronicle.becomes(0, State::Online, MINUTE).await;
                sleep(after).await;
                broker.manners().falls_silent();
                (chronicle.now(), chronicle.ends(0, HOUR).await)
            };
            let (silent, end) = world.boot(script).await;
            assert_eq!((end.state, end.cause), (State::Offline, Cause::Deadline(Step::Answer)));
            assert!(end.at <= silent + 45 * SECOND + 20 * SECOND, "{after:?}: {silent:?} {:?}", end.at);
        }
    });
}

#[test]
fn a_broker_that_answers_pings_and_acknowledges_nothing_is_given_up() {
    in_virtual_time(async {
        let config = Config::default();
        let longest = config.keep_alive + config.patience + config.acknowledgement;
        // Nothing at all from the beginning; or no message, from some time on.
        for mute in [true, false] {
            let mut world = World::new(0);
            let (chronicle, broker, orders) =
                (world.chronicle.clone(), world.broker.clone(), world.orders.clone());
            if mute {
                broker.manners().suback = None;
                broker.manners().puback = None;
            }
            let script = async {
                let online = chronicle.becomes(0, State::Online, MINUTE).await;
                let mut since = online;
                if !mute {
                    sleep(HOUR).await;
                    broker.manners().puback = None;
                    orders.say("is anybody there", QoS::AtLeastOnce);
                    since = chronicle.now();
                }
                (since, chronicle.ends(0, HOUR).await)
            };
            let (since, end) = world.boot(script).await;
            // One that says nothing at all does not even answer.
            let step = if mute { Step::Answer } else { Step::Acknowledgement };
            assert_eq!((end.state, end.cause), (State::Offline, Cause::Deadline(step)));
            assert!(end.at <= since + longest, "{mute}: {since:?} {:?}", end.at);
        }
    });
}

#[test]
fn a_broker_that_is_dead_after_its_connack_is_not_hammered() {
    in_virtual_time(async {
        let mut world = World::new(0);
        world.broker.manners().falls_silent();
        world.boot(sleep(6 * HOUR)).await;
        patience::was_kept(&world.chronicle, Timing::default());
        let most = patience::most_attempts_in_an_hour(&world.chronicle);
        assert!(most <= 60, "{most}");
    });
}
