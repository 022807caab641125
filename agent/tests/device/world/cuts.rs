//! Connections that break at every byte, and `run` dropped at every poll: nothing is lost, and nothing comes twice that
//! QoS 1 does not allow.

use countersign_agent::device::Config;
use countersign_agent::session::{State, Timing};
use tokio::time::sleep;

use super::broker::Act;
use super::course::{Conditions, Direction, Mishap, What};
use super::{MINUTE, SECOND, World, etiquette, in_virtual_time, patience};
use crate::pki::Fleet;

/// Bytes of a handshake, and all of what follows until the device has greeted, and got and said a few things.
struct Lengths {
    handshake: usize,
    all: usize,
}

impl Lengths {
    /// Of a connection that nothing happens to.
    async fn measure(direction: Direction) -> Self {
        let mut world = World::new(0);
        let (chronicle, air, orders) = (world.chronicle.clone(), world.air.clone(), world.orders.clone());
        let broker = world.broker.clone();
        world
            .boot(async {
                chronicle.becomes(0, State::Online, MINUTE).await;
                let handshake = air.carried(direction);
                broker.commands("c", "jump");
                orders.talk(Some(SECOND..3 * SECOND));
                sleep(5 * SECOND).await;
                Self { handshake, all: air.carried(direction) }
            })
            .await
    }

    /// A few bytes of the handshake, which has tests of its own, and all others.
    fn cuts(&self) -> impl Iterator<Item = usize> + use<> {
        let Self { handshake, all } = *self;
        // CONNECT and CONNACK lie before what counts as the end of the handshake here.
        let interesting = handshake - handshake.min(200);
        (0..interesting).step_by(37).chain(interesting..all)
    }
}

/// Waits so short that what the device has to say meanwhile fits into its queue.
const TIMING: Timing = Timing { base: SECOND, cap: SECOND, refused: SECOND, stable_after: MINUTE };

/// One connection after the other, to each of which something happens a byte later than to the one before. Returns how
/// many there were, and how many of them did not end with it.
fn survive(direction: Direction, stride: usize, what: impl Fn(usize) -> What) -> (usize, usize) {
    in_virtual_time(async {
        let lengths = Lengths::measure(direction).await;
        let mut world = World::with(1, &Fleet::new(), Config { timing: TIMING, ..Config::default() });
        let (chronicle, air, orders) = (world.chronicle.clone(), world.air.clone(), world.orders.clone());
        let broker = world.broker.clone();
        for after in lengths.cuts().step_by(stride) {
            air.plan([Mishap { direction, after, what: what(after) }]);
        }
        let connections = air.planned();
        let mut survivors = 0;
        orders.talk(Some(SECOND..3 * SECOND));
        world
            .boot(async {
                let mut commands = 0;
                loop {
                    let mark = chronicle.mark();
                    if broker.is_owed() == 0 {
                        commands += 1;
                        broker.commands(&format!("c{commands}"), "jump");
                    }
                    sleep(5 * MINUTE).await;
                    if !chronicle.attempts(mark).is_empty() {
                        continue;
                    }
                    // This one lives. It is hung up on, for the next one to come.
                    if air.planned() == 0 {
                        break;
                    }
                    survivors += 1;
                    broker.act(Act::HangUp);
                }
                orders.talk(None);
                sleep(MINUTE).await;
            })
            .await;
        assert!(chronicle.is_online());
        assert!(chronicle.attempts(0).len() > connections);
        etiquette::was_kept(&chronicle);
        patience::was_kept(&chronicle, TIMING);
        assert_eq!(etiquette::outstanding(&chronicle), Vec::<String>::new());
        assert_eq!(broker.is_owed(), 0);
        (connections, survivors)
    })
}

#[test]
fn a_connection_that_ends_at_any_byte_to_the_broker_loses_nothing() {
    assert_eq!(survive(Direction::ToBroker, 1, |_| What::Close).1, 0);
}

#[test]
fn a_connection_that_ends_at_any_byte_to_the_device_loses_nothing() {
    assert_eq!(survive(Direction::ToDevice, 1, |_| What::Close).1, 0);
}

#[test]
fn a_connection_that_is_reset_at_any_byte_loses_nothing() {
    for direction in [Direction::ToBroker, Direction::ToDevice] {
        assert_eq!(survive(direction, 5, |_| What::Reset).1, 0);
    }
}

#[test]
fn a_connection_that_falls_silent_at_any_byte_is_given_up_and_loses_nothing() {
    for direction in [Direction::ToBroker, Direction::ToDevice] {
        assert_eq!(survive(direction, 3, |_| What::Silence).1, 0);
    }
}

#[test]
fn a_bit_that_flips_at_any_byte_ends_the_connection_and_is_never_believed() {
    let flip = |after: usize| What::Flip(1 << (after % 8));
    assert_eq!(survive(Direction::ToDevice, 3, flip).1, 0);
    // The broker is rustls, which does as it must and ignores legacy_record_version (RFC 8446 §5.1): two bytes of a
    // record, and no record here has fewer than twenty.
    let (connections, survivors) = survive(Direction::ToBroker, 3, flip);
    assert!(survivors <= connections / 10, "{survivors} of {connections}");
}

/// `run` dropped after one poll, after two, and so on, and called again with the same agent.
fn drop_at_every_poll(conditions: Conditions, pieces: usize) {
    in_virtual_time(async {
        let mut world = World::new(2);
        let (chronicle, air, orders) = (world.chronicle.clone(), world.air.clone(), world.orders.clone());
        let broker = world.broker.clone();
        air.become_like(conditions);
        orders.talk(Some(SECOND / 10..SECOND));
        let mut commands = 0;
        world
            .boot_in_pieces(1..pieces, async {
                while chronicle.attempts(0).len() < pieces {
                    if broker.is_owed() == 0 {
                        commands += 1;
                        broker.commands(&format!("c{commands}"), "jump");
                    }
                    sleep(SECOND).await;
                }
                orders.talk(None);
                sleep(MINUTE).await;
            })
            .await;
        assert!(chronicle.is_online());
        etiquette::was_kept(&chronicle);
        patience::was_kept(&chronicle, Timing::default());
        assert_eq!(etiquette::outstanding(&chronicle), Vec::<String>::new());
        assert_eq!(broker.is_owed(), 0);
    });
}

#[test]
fn run_may_be_dropped_at_every_poll_and_called_again() {
    drop_at_every_poll(Conditions::GOOD, 100);
    drop_at_every_poll(Conditions { longest_segment: 60, ..Conditions::GOOD }, 120);
}

#[test]
fn run_may_be_dropped_while_it_flushes_what_has_left_already() {
    drop_at_every_poll(Conditions { flush: SECOND / 5, ..Conditions::GOOD }, 100);
}
