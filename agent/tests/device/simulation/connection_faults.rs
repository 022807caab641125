//! Connections that break at every byte, and `run` dropped at every poll: nothing is lost, and nothing comes twice but
//! what QoS 1 allows to.

use countersign_agent::device::Config;
use countersign_agent::session::{State, Timing};
use tokio::time::sleep;

use super::broker::BrokerAction;
use super::path::{Conditions, Direction, Fault, FaultKind};
use super::{MINUTE, SECOND, Simulation, in_virtual_time, protocol_check, retry_check};
use crate::pki::Fleet;

/// Bytes of a handshake, and of a connection up to a few messages and commands after CONNACK.
struct Lengths {
    handshake: usize,
    all: usize,
}

impl Lengths {
    /// Those of a connection without a fault.
    async fn measure(direction: Direction) -> Self {
        let mut simulation = Simulation::new(0);
        let (log, network, firmware) =
            (simulation.log.clone(), simulation.network.clone(), simulation.firmware.clone());
        let broker = simulation.broker.clone();
        simulation
            .boot(async {
                log.wait_for_state(0, State::Online, MINUTE).await;
                let handshake = network.carried(direction);
                broker.send_command("c", "jump");
                firmware.publish_every(Some(SECOND..3 * SECOND));
                sleep(5 * SECOND).await;
                Self { handshake, all: network.carried(direction) }
            })
            .await
    }

    /// Where to break connections: at a few bytes of the handshake, which has tests of its own, and at all later bytes.
    fn cuts(&self) -> impl Iterator<Item = usize> + use<> {
        let Self { handshake, all } = *self;
        // CONNECT and CONNACK lie before what counts as the end of the handshake here.
        let interesting = handshake - handshake.min(200);
        (0..interesting).step_by(37).chain(interesting..all)
    }
}

/// Waits so short that the messages of that time fit into the queue.
const TIMING: Timing = Timing { base: SECOND, cap: SECOND, refused: SECOND, stable_after: MINUTE };

/// One connection after the other, each with the fault a byte (or `stride`) later than the one before. Returns how many
/// there were, and how many of them survived the fault.
fn survive(direction: Direction, stride: usize, kind: impl Fn(usize) -> FaultKind) -> (usize, usize) {
    in_virtual_time(async {
        let lengths = Lengths::measure(direction).await;
        let mut simulation =
            Simulation::with(1, &Fleet::new(), Config { timing: TIMING, ..Config::default() });
        let (log, network, firmware) =
            (simulation.log.clone(), simulation.network.clone(), simulation.firmware.clone());
        let broker = simulation.broker.clone();
        for after in lengths.cuts().step_by(stride) {
            network.plan_faults([Fault { direction, after, kind: kind(after) }]);
        }
        let connections = network.planned();
        let mut survivors = 0;
        firmware.publish_every(Some(SECOND..3 * SECOND));
        simulation
            .boot(async {
                let mut commands = 0;
                loop {
                    let mark = log.mark();
                    if broker.unacknowledged_commands() == 0 {
                        commands += 1;
                        broker.send_command(&format!("c{commands}"), "jump");
                    }
                    sleep(5 * MINUTE).await;
                    if !log.attempts(mark).is_empty() {
                        continue;
                    }
                    // This connection has survived. It is closed, so that the next one is made.
                    if network.planned() == 0 {
                        break;
                    }
                    survivors += 1;
                    broker.act(BrokerAction::HangUp);
                }
                firmware.publish_every(None);
                sleep(MINUTE).await;
            })
            .await;
        assert!(log.is_online());
        assert!(log.attempts(0).len() > connections);
        protocol_check::check(&log);
        retry_check::check(&log, TIMING);
        assert_eq!(protocol_check::outstanding(&log), Vec::<String>::new());
        assert_eq!(broker.unacknowledged_commands(), 0);
        (connections, survivors)
    })
}

#[test]
fn a_connection_that_ends_at_any_byte_to_the_broker_loses_nothing() {
    assert_eq!(survive(Direction::ToBroker, 1, |_| FaultKind::Close).1, 0);
}

#[test]
fn a_connection_that_ends_at_any_byte_to_the_device_loses_nothing() {
    assert_eq!(survive(Direction::ToDevice, 1, |_| FaultKind::Close).1, 0);
}

#[test]
fn a_connection_that_is_reset_at_any_byte_loses_nothing() {
    for direction in [Direction::ToBroker, Direction::ToDevice] {
        assert_eq!(survive(direction, 5, |_| FaultKind::Reset).1, 0);
    }
}

#[test]
fn a_connection_that_falls_silent_at_any_byte_is_given_up_and_loses_nothing() {
    for direction in [Direction::ToBroker, Direction::ToDevice] {
        assert_eq!(survive(direction, 3, |_| FaultKind::Silence).1, 0);
    }
}

#[test]
fn a_flipped_bit_at_any_byte_ends_the_connection_and_is_never_delivered() {
    let flip = |after: usize| FaultKind::Flip(1 << (after % 8));
    assert_eq!(survive(Direction::ToDevice, 3, flip).1, 0);
    // The broker is rustls, which must ignore legacy_record_version (RFC 8446 §5.1): two bytes of every record, which
    // has twenty bytes at least.
    let (connections, survivors) = survive(Direction::ToBroker, 3, flip);
    assert!(survivors <= connections / 10, "{survivors} of {connections}");
}

/// `run` dropped after one poll, after two, and so on, and called again with the same agent.
fn drop_at_every_poll(conditions: Conditions, pieces: usize) {
    in_virtual_time(async {
        let mut simulation = Simulation::new(2);
        let (log, network, firmware) =
            (simulation.log.clone(), simulation.network.clone(), simulation.firmware.clone());
        let broker = simulation.broker.clone();
        network.set_conditions(conditions);
        firmware.publish_every(Some(SECOND / 10..SECOND));
        let mut commands = 0;
        simulation
            .boot_in_pieces(1..pieces, async {
                while log.attempts(0).len() < pieces {
                    if broker.unacknowledged_commands() == 0 {
                        commands += 1;
                        broker.send_command(&format!("c{commands}"), "jump");
                    }
                    sleep(SECOND).await;
                }
                firmware.publish_every(None);
                sleep(MINUTE).await;
            })
            .await;
        assert!(log.is_online());
        protocol_check::check(&log);
        retry_check::check(&log, Timing::default());
        assert_eq!(protocol_check::outstanding(&log), Vec::<String>::new());
        assert_eq!(broker.unacknowledged_commands(), 0);
    });
}

#[test]
fn run_may_be_dropped_at_every_poll_and_called_again() {
    drop_at_every_poll(Conditions::GOOD, 100);
    drop_at_every_poll(Conditions { longest_segment: 60, ..Conditions::GOOD }, 120);
}

#[test]
fn run_may_be_dropped_during_a_flush() {
    drop_at_every_poll(Conditions { flush: SECOND / 5, ..Conditions::GOOD }, 100);
}
