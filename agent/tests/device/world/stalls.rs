//! Connections on which nothing happens any more, before they are sessions.

use countersign_agent::device::{Cause, Config, Step};
use countersign_agent::session::{State, Timing};
use tokio::time::sleep;

use super::chronicle::Event;
use super::course::{Conditions, Connecting, Direction, Mishap, What};
use super::manners::{Handshake, Introduction};
use super::{HOUR, MINUTE, World, in_virtual_time, patience};
use crate::pki::Fleet;

/// Attempts that were never a session, each with its length and what ended it.
fn durations(world: &World) -> Vec<(std::time::Duration, Cause)> {
    let mut began = None;
    world.chronicle.all(0, |entry| match entry.event {
        Event::Attempt => {
            began = Some(entry.at);
            None
        }
        Event::Changed { state: State::Online, .. } => {
            began = None;
            None
        }
        Event::Changed { ended: Some(ended), .. } => {
            began.take().map(|began| (entry.at - began, ended.cause))
        }
        _ => None,
    })
}

#[test]
fn a_stall_at_any_byte_before_the_session_ends_with_the_deadline() {
    in_virtual_time(async {
        for direction in [Direction::ToBroker, Direction::ToDevice] {
            let timing = Timing { cap: Timing::default().base, ..Timing::default() };
            let config = Config { timing, ..Config::default() };
            let mut world = World::with(0, &Fleet::new(), config);
            let (chronicle, air) = (world.chronicle.clone(), world.air.clone());
            for after in (0..2500).step_by(9) {
                air.plan([Mishap { direction, after, what: What::Silence }]);
            }
            let script = async {
                while air.planned() > 0 && !chronicle.is_online() {
                    sleep(MINUTE / 10).await;
                }
            };
            world.boot(script).await;
            patience::was_kept(&chronicle, timing);
            let durations = durations(&world);
            assert!(durations.len() > 60, "{direction:?}: {}", durations.len());
            for (lasted, cause) in durations {
                assert_eq!((lasted, cause), (config.connect_deadline, Cause::Deadline(Step::Connecting)));
            }
        }
    });
}

#[test]
fn a_network_and_a_broker_that_say_nothing_are_given_up_at_the_deadline() {
    in_virtual_time(async {
        for stage in 0..3 {
            let mut world = World::new(stage);
            match stage {
                0 => world.air.become_like(Conditions { connecting: Connecting::Hangs, ..Conditions::GOOD }),
                1 => world.broker.manners().handshake = Handshake::Silence,
                _ => world.broker.manners().introduction = Introduction::Silence,
            }
            world.boot(sleep(6 * HOUR)).await;
            let durations = durations(&world);
            assert!(durations.len() > 60, "{stage}: {}", durations.len());
            for (lasted, cause) in durations {
                assert_eq!((lasted, cause), (MINUTE, Cause::Deadline(Step::Connecting)), "{stage}");
            }
        }
    });
}
