//! Keep-alive: when the device pings, and when it gives up a broker that does not answer.

use std::time::Duration;

use countersign_agent::device::{Cause, Config, Deadline};
use countersign_agent::mqtt::QoS;
use countersign_agent::session::{State, Timing};
use rmqtt_codec::v5::{ConnectAckReason, Packet};
use tokio::time::sleep;

use super::event_log::{Event, EventLog};
use super::{HOUR, MINUTE, SECOND, Simulation, in_virtual_time, protocol_check, retry_check};
use crate::pki::Fleet;

/// When the broker got a PINGREQ.
fn pings(log: &EventLog) -> Vec<Duration> {
    log.all(0, |entry| match entry.event {
        Event::Received { packet: Packet::PingRequest, .. } => Some(entry.at),
        _ => None,
    })
}

/// The pings of `lasting`, and their distances.
async fn distances(config: Config, server_keep_alive: Option<u16>, lasting: Duration) -> Vec<Duration> {
    let mut simulation = Simulation::with(0, &Fleet::new(), config);
    simulation.broker.behaviour().accept_with(|connack| connack.server_keepalive_sec = server_keep_alive);
    simulation.boot(sleep(lasting)).await;
    let log = &simulation.log;
    assert_eq!(log.all_ends(0), []);
    let pings = pings(log);
    pings.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn a_silent_device_pings_after_three_quarters_of_the_keep_alive() {
    in_virtual_time(async {
        for (own, of_broker, expected) in [
            (60, None, 45 * SECOND),
            (60, Some(20), 15 * SECOND),
            (60, Some(1), 3 * SECOND / 4),
            (60, Some(600), 45 * SECOND),
            // Zero turns the mechanism off at the broker; the device pings all the same.
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
fn no_configuration_floods_the_broker_or_panics() {
    in_virtual_time(async {
        for keep_alive in [Duration::ZERO, Duration::from_nanos(1), SECOND / 2, SECOND, Duration::MAX] {
            for wait in [Duration::ZERO, Duration::from_millis(1), Duration::MAX] {
                let timing = Timing { base: wait, cap: wait, stable_after: wait, refused: wait };
                let config = Config {
                    keep_alive,
                    response_timeout: wait,
                    acknowledgement_timeout: wait,
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
        let mut simulation = Simulation::with(0, &Fleet::new(), Config { timing, ..Config::default() });
        simulation.broker.behaviour().refuse(ConnectAckReason::NotAuthorized, None);
        simulation.boot(sleep(30 * HOUR)).await;
        assert_eq!(simulation.log.attempts(0).len(), 1);
        assert_eq!(simulation.log.all_ends(0)[0].wait, Duration::MAX);
    });
}

#[test]
fn a_device_whose_messages_are_acknowledged_does_not_ping() {
    in_virtual_time(async {
        for (qos, asks) in [(QoS::AtLeastOnce, false), (QoS::AtMostOnce, true)] {
            let mut simulation = Simulation::new(0);
            let firmware = simulation.firmware.clone();
            let script = async {
                for _ in 0..100 {
                    firmware.publish("still there", qos);
                    sleep(30 * SECOND).await;
                }
            };
            simulation.boot(script).await;
            assert_eq!(!pings(&simulation.log).is_empty(), asks, "{qos:?}");
        }
    });
}

#[test]
fn pings_go_on_while_a_command_takes_ten_minutes() {
    in_virtual_time(async {
        let mut simulation = Simulation::new(0);
        let (log, broker) = (simulation.log.clone(), simulation.broker.clone());
        simulation.firmware.set_command_duration(10 * MINUTE);
        for command in 0..4 {
            simulation.broker.send_command(&format!("c{command}"), "dig");
        }
        simulation.boot(sleep(HOUR)).await;
        assert_eq!(log.all_ends(0), []);
        assert_eq!(broker.unacknowledged_commands(), 0);
        protocol_check::check(&log);
        assert_eq!(protocol_check::outstanding(&log), Vec::<String>::new());
        let heard = log.all(0, |entry| matches!(entry.event, Event::Received { .. }).then_some(entry.at));
        assert!(heard.windows(2).all(|pair| pair[1] - pair[0] <= 45 * SECOND), "{heard:?}");
    });
}

#[test]
fn a_broker_that_falls_silent_is_given_up_within_keep_alive_and_response_timeout() {
    in_virtual_time(async {
        for after in [Duration::ZERO, SECOND, 44 * SECOND, 45 * SECOND, HOUR] {
            let mut simulation = Simulation::new(0);
            let (log, broker) = (simulation.log.clone(), simulation.broker.clone());
            let script = async {
                log.wait_for_state(0, State::Online, MINUTE).await;
                sleep(after).await;
                broker.behaviour().stop_answering();
                (log.now(), log.wait_for_end(0, HOUR).await)
            };
            let (silent, end) = simulation.boot(script).await;
            assert_eq!((end.state, end.cause), (State::Offline, Cause::Deadline(Deadline::Response)));
            assert!(end.at <= silent + 45 * SECOND + 20 * SECOND, "{after:?}: {silent:?} {:?}", end.at);
        }
    });
}

#[test]
fn a_broker_that_answers_pings_and_acknowledges_nothing_is_given_up() {
    in_virtual_time(async {
        let config = Config::default();
        let longest = config.keep_alive + config.response_timeout + config.acknowledgement_timeout;
        // Either nothing at all from the beginning, or no message from some time on.
        for mute in [true, false] {
            let mut simulation = Simulation::new(0);
            let (log, broker, firmware) =
                (simulation.log.clone(), simulation.broker.clone(), simulation.firmware.clone());
            if mute {
                broker.behaviour().suback = None;
                broker.behaviour().puback_delay = None;
            }
            let script = async {
                let online = log.wait_for_state(0, State::Online, MINUTE).await;
                let mut since = online;
                if !mute {
                    sleep(HOUR).await;
                    broker.behaviour().puback_delay = None;
                    firmware.publish("is anybody there", QoS::AtLeastOnce);
                    since = log.now();
                }
                (since, log.wait_for_end(0, HOUR).await)
            };
            let (since, end) = simulation.boot(script).await;
            // A broker that sends nothing at all misses the first deadline already.
            let deadline = if mute { Deadline::Response } else { Deadline::Acknowledgement };
            assert_eq!((end.state, end.cause), (State::Offline, Cause::Deadline(deadline)));
            assert!(end.at <= since + longest, "{mute}: {since:?} {:?}", end.at);
        }
    });
}

#[test]
fn a_broker_that_is_silent_after_its_connack_is_tried_with_backoff() {
    in_virtual_time(async {
        let mut simulation = Simulation::new(0);
        simulation.broker.behaviour().stop_answering();
        simulation.boot(sleep(6 * HOUR)).await;
        retry_check::check(&simulation.log, Timing::default());
        let most = retry_check::most_attempts_in_an_hour(&simulation.log);
        assert!(most <= 60, "{most}");
    });
}
