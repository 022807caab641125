//! Many messages and slow answers; a firmware that never has enough.

use std::rc::Rc;

use countersign_agent::session::State;
use countersign_agent::telemetry::MAX_MESSAGES;
use tokio::time::sleep;

use super::chronicle::Event;
use super::course::{Conditions, Connecting};
use super::{HOUR, MINUTE, SECOND, World, etiquette, in_virtual_time};

/// A device that has as much to say as its queue takes, and then finds its broker.
async fn catches_up(world: &mut World) {
    let (chronicle, air, orders) = (world.chronicle.clone(), world.air.clone(), world.orders.clone());
    let good = air.conditions();
    air.become_like(Conditions { connecting: Connecting::Refused, ..good.clone() });
    orders.talk(Some(SECOND..2 * SECOND));
    let script = async {
        sleep(HOUR).await;
        orders.talk(None);
        air.become_like(good);
        sleep(HOUR).await;
    };
    world.boot(script).await;
    etiquette::was_kept(&chronicle);
    assert_eq!(etiquette::outstanding(&chronicle), Vec::<String>::new());
    let said = chronicle.all(0, |entry| matches!(entry.event, Event::Said { .. }).then_some(())).len();
    assert!(said > MAX_MESSAGES / 2, "{said}");
    // One connection was enough.
    let online = |state| matches!(state, State::Online);
    let sessions = chronicle.all(0, |entry| match entry.event {
        Event::Changed { state, .. } if online(state) => Some(()),
        _ => None,
    });
    assert_eq!(sessions.len(), 1);
}

#[test]
fn a_backlog_gets_through_though_every_message_takes_its_time_to_leave() {
    in_virtual_time(async {
        let mut world = World::new(0);
        world.air.become_like(Conditions { flush: 7 * SECOND / 10, ..Conditions::GOOD });
        catches_up(&mut world).await;
    });
}

#[test]
fn a_backlog_gets_through_though_every_answer_takes_its_time() {
    in_virtual_time(async {
        for seconds in [1, 5, 20] {
            let mut world = World::new(seconds.into());
            world.broker.manners().puback = Some(seconds * SECOND);
            catches_up(&mut world).await;
        }
    });
}

#[test]
fn a_device_that_is_behind_with_its_telemetry_still_answers_commands() {
    in_virtual_time(async {
        let mut world = World::new(0);
        let (chronicle, broker, orders) =
            (world.chronicle.clone(), world.broker.clone(), world.orders.clone());
        broker.manners().puback = Some(MINUTE / 2);
        orders.talk(Some(SECOND / 10..SECOND / 2));
        let script = async {
            sleep(HOUR).await;
            for command in 0..20 {
                broker.commands(&format!("c{command}"), "jump");
                sleep(10 * MINUTE).await;
            }
            orders.talk(None);
            sleep(HOUR).await;
        };
        world.boot(script).await;
        assert_eq!(broker.is_owed(), 0);
        let unanswered = chronicle.all(0, |entry| match &entry.event {
            Event::NoRoom { id } => Some(id.clone()),
            _ => None,
        });
        assert_eq!(unanswered, Vec::<String>::new());
        assert_eq!(etiquette::outstanding(&chronicle), Vec::<String>::new());
    });
}

#[test]
fn a_firmware_that_always_has_something_to_say_lets_others_work() {
    const CALLS: usize = 5000;
    in_virtual_time(async {
        for connecting in [Connecting::Succeeds, Connecting::Refused] {
            let mut world = World::new(0);
            let (air, orders, polls) = (world.air.clone(), world.orders.clone(), Rc::clone(&world.polls));
            air.become_like(Conditions { connecting, ..Conditions::GOOD });
            let script = async {
                sleep(MINUTE).await;
                let before = polls.get();
                (0..CALLS).for_each(|_| orders.hurry());
                sleep(MINUTE).await;
                polls.get() - before
            };
            let polls = world.boot(script).await;
            assert!(polls as usize >= CALLS / 2, "{connecting:?}: {CALLS} calls in {polls} polls");
        }
    });
}
