//! A full queue, slow acknowledgements, and a firmware that always has something to publish.

use std::rc::Rc;

use countersign_agent::session::State;
use countersign_agent::telemetry::MAX_MESSAGES;
use tokio::time::sleep;

use super::event_log::Event;
use super::path::{Conditions, ConnectOutcome};
use super::{HOUR, MINUTE, SECOND, Simulation, in_virtual_time, protocol_check};

/// A device whose queue is full when it finds its broker: everything is delivered over one connection.
async fn catches_up(simulation: &mut Simulation) {
    let (log, network, firmware) =
        (simulation.log.clone(), simulation.network.clone(), simulation.firmware.clone());
    let good = network.conditions();
    network.set_conditions(Conditions { connecting: ConnectOutcome::Refused, ..good.clone() });
    firmware.publish_every(Some(SECOND..2 * SECOND));
    let script = async {
        sleep(HOUR).await;
        firmware.publish_every(None);
        network.set_conditions(good);
        sleep(HOUR).await;
    };
    simulation.boot(script).await;
    protocol_check::check(&log);
    assert_eq!(protocol_check::outstanding(&log), Vec::<String>::new());
    let said = log.all(0, |entry| matches!(entry.event, Event::Queued { .. }).then_some(())).len();
    assert!(said > MAX_MESSAGES / 2, "{said}");
    // One connection was enough.
    let online = |state| matches!(state, State::Online);
    let sessions = log.all(0, |entry| match entry.event {
        Event::StateChanged { state, .. } if online(state) => Some(()),
        _ => None,
    });
    assert_eq!(sessions.len(), 1);
}

#[test]
fn a_backlog_gets_through_with_slow_writes() {
    in_virtual_time(async {
        let mut simulation = Simulation::new(0);
        simulation.network.set_conditions(Conditions { flush: 7 * SECOND / 10, ..Conditions::GOOD });
        catches_up(&mut simulation).await;
    });
}

#[test]
fn a_backlog_gets_through_with_slow_acknowledgements() {
    in_virtual_time(async {
        for seconds in [1, 5, 20] {
            let mut simulation = Simulation::new(seconds.into());
            simulation.broker.behaviour().puback_delay = Some(seconds * SECOND);
            catches_up(&mut simulation).await;
        }
    });
}

#[test]
fn a_full_queue_of_telemetry_has_room_for_results_of_commands() {
    in_virtual_time(async {
        let mut simulation = Simulation::new(0);
        let (log, broker, firmware) =
            (simulation.log.clone(), simulation.broker.clone(), simulation.firmware.clone());
        broker.behaviour().puback_delay = Some(MINUTE / 2);
        firmware.publish_every(Some(SECOND / 10..SECOND / 2));
        let script = async {
            sleep(HOUR).await;
            for command in 0..20 {
                broker.send_command(&format!("c{command}"), "jump");
                sleep(10 * MINUTE).await;
            }
            firmware.publish_every(None);
            sleep(HOUR).await;
        };
        simulation.boot(script).await;
        assert_eq!(broker.unacknowledged_commands(), 0);
        let unanswered = log.all(0, |entry| match &entry.event {
            Event::NoRoomForResult { id } => Some(id.clone()),
            _ => None,
        });
        assert_eq!(unanswered, Vec::<String>::new());
        assert_eq!(protocol_check::outstanding(&log), Vec::<String>::new());
    });
}

#[test]
fn a_firmware_that_always_produces_does_not_block_the_executor() {
    const CALLS: usize = 5000;
    in_virtual_time(async {
        for connecting in [ConnectOutcome::Succeeds, ConnectOutcome::Refused] {
            let mut simulation = Simulation::new(0);
            let (network, firmware, polls) =
                (simulation.network.clone(), simulation.firmware.clone(), Rc::clone(&simulation.polls));
            network.set_conditions(Conditions { connecting, ..Conditions::GOOD });
            let script = async {
                sleep(MINUTE).await;
                let before = polls.get();
                (0..CALLS).for_each(|_| firmware.return_at_once());
                sleep(MINUTE).await;
                polls.get() - before
            };
            let polls = simulation.boot(script).await;
            assert!(polls as usize >= CALLS / 2, "{connecting:?}: {CALLS} calls in {polls} polls");
        }
    });
}
