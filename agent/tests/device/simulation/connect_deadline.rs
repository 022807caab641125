//! Attempts that stall before CONNACK, and end with the connect deadline.

use countersign_agent::device::{Cause, Config, Deadline};
use countersign_agent::session::{State, Timing};
use tokio::time::sleep;

use super::broker_behaviour::{ConnectReply, TlsBehaviour};
use super::event_log::Event;
use super::path::{Conditions, ConnectOutcome, Direction, Fault, FaultKind};
use super::{HOUR, MINUTE, Simulation, in_virtual_time, retry_check};
use crate::pki::Fleet;

/// Attempts that did not become a session: how long each lasted, and its cause.
fn durations(simulation: &Simulation) -> Vec<(std::time::Duration, Cause)> {
    let mut began = None;
    simulation.log.all(0, |entry| match entry.event {
        Event::Attempt => {
            began = Some(entry.at);
            None
        }
        Event::StateChanged { state: State::Online, .. } => {
            began = None;
            None
        }
        Event::StateChanged { ended: Some(ended), .. } => {
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
            let mut simulation = Simulation::with(0, &Fleet::new(), config);
            let (log, network) = (simulation.log.clone(), simulation.network.clone());
            for after in (0..2500).step_by(9) {
                network.plan_faults([Fault { direction, after, kind: FaultKind::Silence }]);
            }
            let script = async {
                while network.planned() > 0 && !log.is_online() {
                    sleep(MINUTE / 10).await;
                }
            };
            simulation.boot(script).await;
            retry_check::check(&log, timing);
            let durations = durations(&simulation);
            assert!(durations.len() > 60, "{direction:?}: {}", durations.len());
            for (lasted, cause) in durations {
                assert_eq!((lasted, cause), (config.connect_deadline, Cause::Deadline(Deadline::Connect)));
            }
        }
    });
}

#[test]
fn a_silent_network_or_broker_is_given_up_at_the_deadline() {
    in_virtual_time(async {
        for stage in 0..3 {
            let mut simulation = Simulation::new(stage);
            match stage {
                0 => simulation
                    .network
                    .set_conditions(Conditions { connecting: ConnectOutcome::Hangs, ..Conditions::GOOD }),
                1 => simulation.broker.behaviour().tls = TlsBehaviour::Silence,
                _ => simulation.broker.behaviour().connect_reply = ConnectReply::Silence,
            }
            simulation.boot(sleep(6 * HOUR)).await;
            let durations = durations(&simulation);
            assert!(durations.len() > 60, "{stage}: {}", durations.len());
            for (lasted, cause) in durations {
                assert_eq!((lasted, cause), (MINUTE, Cause::Deadline(Deadline::Connect)), "{stage}");
            }
        }
    });
}
