//! Refusals: a device that is refused stays away, and one whose broker is busy or gone tries again soon.

use std::time::Duration;

use countersign_agent::device::Cause;
use countersign_agent::mqtt::ReasonCode;
use countersign_agent::session::{State, Timing};
use rmqtt_codec::v5::{ConnectAckReason, Disconnect, DisconnectReasonCode, SubscribeAckReason};
use tokio::time::sleep;

use super::broker::{Broker, BrokerAction};
use super::broker_behaviour::{ConnectReply, TlsBehaviour};
use super::event_log::{End, EventLog};
use super::path::{Direction, Fault, FaultKind};
use super::{DAY, HOUR, MINUTE, SECOND, Simulation, in_virtual_time, retry_check};

/// How the first connection or attempt ends, with the broker set up by `set_up`.
async fn first_end(set_up: impl FnOnce(&Simulation)) -> End {
    let mut simulation = Simulation::new(0);
    set_up(&simulation);
    let log = simulation.log.clone();
    simulation.boot(log.wait_for_end(0, HOUR)).await
}

/// How a session ends that the broker ends with `act`.
async fn end_of_session(act: impl FnOnce(&Broker)) -> End {
    let mut simulation = Simulation::new(0);
    let (log, broker) = (simulation.log.clone(), simulation.broker.clone());
    let script = async {
        log.wait_for_state(0, State::Online, MINUTE).await;
        sleep(5 * MINUTE).await;
        act(&broker);
        log.wait_for_end(0, HOUR).await
    };
    let end = simulation.boot(script).await;
    retry_check::check(&log, Timing::default());
    end
}

/// Checks that for days every attempt ends with `cause`, and comes ten minutes to twelve and a half after the one
/// before.
async fn stays_away(simulation: &mut Simulation, days: u32, cause: Cause) {
    let log = simulation.log.clone();
    simulation.boot(sleep(days * DAY)).await;
    let ends = log.all_ends(0);
    for end in &ends {
        assert_eq!((end.state, end.cause), (State::Refused, cause));
        assert!((10 * MINUTE..=10 * MINUTE * 5 / 4).contains(&end.wait), "{:?}", end.wait);
    }
    retry_check::check(&log, Timing::default());
    let attempts = log.attempts(0).len() as u32;
    assert_eq!(attempts as usize, ends.len());
    let fewest = days * 24 * 60 * 2 / 25;
    let most = days * 24 * 60 / 10 + 1;
    assert!((fewest..=most).contains(&attempts), "{attempts}");
}

#[test]
fn a_device_that_is_refused_for_a_week_connects_every_ten_minutes_at_most() {
    in_virtual_time(async {
        let mut simulation = Simulation::new(0);
        simulation.broker.behaviour().refuse(ConnectAckReason::NotAuthorized, None);
        stays_away(&mut simulation, 7, Cause::Connack(ReasonCode::NOT_AUTHORIZED)).await;
    });
}

#[test]
fn a_connack_that_refuses_the_device_keeps_it_away() {
    in_virtual_time(async {
        for reason in [
            ConnectAckReason::Banned,
            ConnectAckReason::BadUserNameOrPassword,
            ConnectAckReason::UnsupportedProtocolVersion,
            // A client identifier that is not the certificate's.
            ConnectAckReason::ClientIdentifierNotValid,
        ] {
            let mut simulation = Simulation::new(u8::from(reason).into());
            simulation.broker.behaviour().refuse(reason, None);
            stays_away(&mut simulation, 1, Cause::Connack(ReasonCode::new(reason.into()))).await;
        }
    });
}

#[test]
fn a_broker_that_closes_before_its_connack_has_refused() {
    in_virtual_time(async {
        for connect_reply in [ConnectReply::Close, ConnectReply::HangUp] {
            let mut simulation = Simulation::new(1);
            simulation.broker.behaviour().connect_reply = connect_reply;
            stays_away(&mut simulation, 1, Cause::ClosedBeforeConnack).await;
        }
        let mut simulation = Simulation::new(2);
        simulation.broker.behaviour().tls = TlsBehaviour::UnknownDevice;
        stays_away(&mut simulation, 1, Cause::ClosedBeforeConnack).await;
        // So has one that sends DISCONNECT in place of CONNACK.
        let mut simulation = Simulation::new(3);
        let disconnect = Disconnect::new(DisconnectReasonCode::NotAuthorized);
        simulation.broker.behaviour().connect_reply = ConnectReply::Disconnect(Box::new(disconnect));
        stays_away(&mut simulation, 1, Cause::Disconnect(ReasonCode::NOT_AUTHORIZED)).await;
    });
}

#[test]
fn a_broker_that_closes_before_it_has_seen_the_device_certificate_has_not_refused_it() {
    in_virtual_time(async {
        let end = first_end(|simulation| simulation.broker.behaviour().tls = TlsBehaviour::Close).await;
        assert_eq!(end.state, State::Offline, "{end:?}");
        for kind in [FaultKind::Close, FaultKind::Reset] {
            for after in [0, 1, 100] {
                let fault = Fault { direction: Direction::ToDevice, after, kind };
                let end = first_end(|simulation| simulation.network.plan_faults([fault])).await;
                assert_eq!(end.state, State::Offline, "{after}: {end:?}");
            }
        }
    });
}

#[test]
fn a_disconnect_that_ends_the_sessions_of_this_device_is_a_refusal() {
    in_virtual_time(async {
        for (said, heard) in [
            (DisconnectReasonCode::AdministrativeAction, ReasonCode::ADMINISTRATIVE_ACTION),
            (DisconnectReasonCode::NotAuthorized, ReasonCode::NOT_AUTHORIZED),
        ] {
            let end = end_of_session(|broker| broker.send_disconnect(said, None)).await;
            assert_eq!((end.state, end.cause), (State::Refused, Cause::Disconnect(heard)));
            assert!((10 * MINUTE..=10 * MINUTE * 5 / 4).contains(&end.wait), "{end:?}");
        }
    });
}

#[test]
fn a_suback_that_says_not_authorized_is_a_refusal() {
    in_virtual_time(async {
        let mut simulation = Simulation::new(0);
        simulation.broker.behaviour().suback = Some(SubscribeAckReason::NotAuthorized);
        stays_away(&mut simulation, 1, Cause::Suback(ReasonCode::NOT_AUTHORIZED)).await;
    });
}

#[test]
fn a_broker_that_is_busy_or_goes_away_is_tried_again_soon() {
    in_virtual_time(async {
        for reason in [
            ConnectAckReason::ServerUnavailable,
            ConnectAckReason::ServerBusy,
            ConnectAckReason::QuotaExceeded,
            ConnectAckReason::ConnectionRateExceeded,
        ] {
            let end = first_end(|simulation| simulation.broker.behaviour().refuse(reason, None)).await;
            assert_eq!(
                (end.state, end.cause),
                (State::Offline, Cause::Connack(ReasonCode::new(reason.into())))
            );
            assert!(end.wait <= SECOND, "{end:?}");
        }
        for (said, code) in [
            (DisconnectReasonCode::ServerBusy, 0x89),
            (DisconnectReasonCode::ServerShuttingDown, 0x8B),
            (DisconnectReasonCode::KeepAliveTimeout, 0x8D),
            (DisconnectReasonCode::SessionTakenOver, 0x8E),
            (DisconnectReasonCode::MessageRateTooHigh, 0x96),
            (DisconnectReasonCode::QuotaExceeded, 0x97),
            (DisconnectReasonCode::ConnectionRateExceeded, 0x9F),
        ] {
            let end = end_of_session(|broker| broker.send_disconnect(said, None)).await;
            assert_eq!((end.state, end.cause), (State::Offline, Cause::Disconnect(ReasonCode::new(code))));
            assert!(end.wait <= SECOND, "{end:?}");
        }
        for act in [BrokerAction::Close, BrokerAction::HangUp] {
            let end = end_of_session(|broker| broker.act(act)).await;
            assert_eq!((end.state, end.cause), (State::Offline, Cause::Closed));
        }
    });
}

#[test]
fn a_retry_after_of_the_broker_is_waited_for() {
    const SECONDS: fn(u64) -> Duration = Duration::from_secs;
    let hour = (HOUR, HOUR * 5 / 4);
    let refused = (10 * MINUTE, 10 * MINUTE * 5 / 4);
    let soon = (Duration::ZERO, SECOND);
    in_virtual_time(async {
        for (reason, hint, (least, most)) in [
            (ConnectAckReason::ServerBusy, "3600", hour),
            (ConnectAckReason::ServerBusy, "0", soon),
            // It counts for a day at most; up to a quarter is added to every wait.
            (ConnectAckReason::ServerBusy, "604800", (DAY, DAY * 5 / 4)),
            (ConnectAckReason::ServerBusy, "soon", soon),
            (ConnectAckReason::ServerBusy, "-1", soon),
            (ConnectAckReason::ServerBusy, "99999999999999999999", soon),
            // After a refusal the wait is ten minutes at least, whatever the broker asks for.
            (ConnectAckReason::NotAuthorized, "60", refused),
            (ConnectAckReason::NotAuthorized, "3600", hour),
        ] {
            let end = first_end(|simulation| simulation.broker.behaviour().refuse(reason, Some(hint))).await;
            assert!((least..=most).contains(&end.wait), "{reason:?} {hint}: {end:?}");
            assert_eq!(end.retry_after, hint.parse().ok().map(SECONDS), "{reason:?} {hint}");
        }
        for (reason, hint, (least, most)) in [
            (DisconnectReasonCode::ServerShuttingDown, "30", (30 * SECOND, 30 * SECOND * 5 / 4)),
            (DisconnectReasonCode::ServerShuttingDown, "3600", hour),
            (DisconnectReasonCode::AdministrativeAction, "60", refused),
            (DisconnectReasonCode::AdministrativeAction, "3600", hour),
        ] {
            let end = end_of_session(|broker| broker.send_disconnect(reason, Some(hint))).await;
            assert!((least..=most).contains(&end.wait), "{reason:?} {hint}: {end:?}");
        }
    });
}

#[test]
fn a_device_that_is_accepted_again_is_online_after_the_next_attempt() {
    in_virtual_time(async {
        let mut simulation = Simulation::new(0);
        let (log, broker): (EventLog, _) = (simulation.log.clone(), simulation.broker.clone());
        broker.behaviour().refuse(ConnectAckReason::NotAuthorized, None);
        let script = async {
            sleep(DAY).await;
            broker.behaviour().accept_with(|_| ());
            log.wait_for_state(log.mark(), State::Online, 13 * MINUTE).await;
        };
        simulation.boot(script).await;
    });
}

#[test]
fn last_end_says_how_the_last_attempt_ended() {
    in_virtual_time(async {
        let mut simulation = Simulation::new(0);
        simulation.broker.behaviour().refuse(ConnectAckReason::Banned, None);
        let (log, firmware) = (simulation.log.clone(), simulation.firmware.clone());
        let leaving = async {
            let refused = log.wait_for_end(0, MINUTE).await;
            firmware.leave();
            refused
        };
        let (left, refused) = tokio::join!(simulation.board.run(), leaving);
        let ended = left.unwrap();
        assert_eq!((ended.cause, ended.retry_after), (refused.cause, None));
        assert_eq!(ended.cause, Cause::Connack(ReasonCode::new(0x8A)));
    });
}
