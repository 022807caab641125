//! Refused means refused: who is told no stays away, and who is told `not now` does not take it for a no.

use std::time::Duration;

use countersign_agent::device::Cause;
use countersign_agent::mqtt::ReasonCode;
use countersign_agent::session::{State, Timing};
use rmqtt_codec::v5::{ConnectAckReason, Disconnect, DisconnectReasonCode, SubscribeAckReason};
use tokio::time::sleep;

use super::broker::{Act, Broker};
use super::chronicle::{Chronicle, End};
use super::course::{Direction, Mishap, What};
use super::manners::{Handshake, Introduction};
use super::{DAY, HOUR, MINUTE, SECOND, World, in_virtual_time, patience};

/// What the first connection or attempt ends with, if the broker behaves like this from the beginning.
async fn first_end(teach: impl FnOnce(&World)) -> End {
    let mut world = World::new(0);
    teach(&world);
    let chronicle = world.chronicle.clone();
    world.boot(chronicle.ends(0, HOUR)).await
}

/// What a session ends with that the broker ends like this.
async fn end_of_session(act: impl FnOnce(&Broker)) -> End {
    let mut world = World::new(0);
    let (chronicle, broker) = (world.chronicle.clone(), world.broker.clone());
    let script = async {
        chronicle.becomes(0, State::Online, MINUTE).await;
        sleep(5 * MINUTE).await;
        act(&broker);
        chronicle.ends(0, HOUR).await
    };
    let end = world.boot(script).await;
    patience::was_kept(&chronicle, Timing::default());
    end
}

/// Days of attempts, all of which end with `cause`: one every ten minutes to twelve and a half.
async fn is_left_alone(world: &mut World, days: u32, cause: Cause) {
    let chronicle = world.chronicle.clone();
    world.boot(sleep(days * DAY)).await;
    let ends = chronicle.all_ends(0);
    for end in &ends {
        assert_eq!((end.state, end.cause), (State::Refused, cause));
        assert!((10 * MINUTE..=10 * MINUTE * 5 / 4).contains(&end.wait), "{:?}", end.wait);
    }
    patience::was_kept(&chronicle, Timing::default());
    let attempts = chronicle.attempts(0).len() as u32;
    assert_eq!(attempts as usize, ends.len());
    let fewest = days * 24 * 60 * 2 / 25;
    let most = days * 24 * 60 / 10 + 1;
    assert!((fewest..=most).contains(&attempts), "{attempts}");
}

#[test]
fn a_device_that_is_refused_for_a_week_does_not_hammer() {
    in_virtual_time(async {
        let mut world = World::new(0);
        world.broker.manners().refuses(ConnectAckReason::NotAuthorized, None);
        is_left_alone(&mut world, 7, Cause::Connack(ReasonCode::NOT_AUTHORIZED)).await;
    });
}

#[test]
fn a_connack_that_refuses_the_device_is_obeyed() {
    in_virtual_time(async {
        for reason in [
            ConnectAckReason::Banned,
            ConnectAckReason::BadUserNameOrPassword,
            ConnectAckReason::UnsupportedProtocolVersion,
            // A client identifier that is not the certificate's.
            ConnectAckReason::ClientIdentifierNotValid,
        ] {
            let mut world = World::new(u8::from(reason).into());
            world.broker.manners().refuses(reason, None);
            is_left_alone(&mut world, 1, Cause::Connack(ReasonCode::new(reason.into()))).await;
        }
    });
}

#[test]
fn a_broker_that_closes_before_its_connack_has_refused() {
    in_virtual_time(async {
        for introduction in [Introduction::Close, Introduction::HangUp] {
            let mut world = World::new(1);
            world.broker.manners().introduction = introduction;
            is_left_alone(&mut world, 1, Cause::ClosedBeforeConnack).await;
        }
        let mut world = World::new(2);
        world.broker.manners().handshake = Handshake::UnknownDevice;
        is_left_alone(&mut world, 1, Cause::ClosedBeforeConnack).await;
        // A DISCONNECT where a CONNACK belongs is as clear.
        let mut world = World::new(3);
        let disconnect = Disconnect::new(DisconnectReasonCode::NotAuthorized);
        world.broker.manners().introduction = Introduction::Disconnect(Box::new(disconnect));
        is_left_alone(&mut world, 1, Cause::Disconnect(ReasonCode::NOT_AUTHORIZED)).await;
    });
}

#[test]
fn a_broker_that_goes_before_it_knows_the_device_has_not_refused_it() {
    in_virtual_time(async {
        let end = first_end(|world| world.broker.manners().handshake = Handshake::Close).await;
        assert_eq!(end.state, State::Offline, "{end:?}");
        for what in [What::Close, What::Reset] {
            for after in [0, 1, 100] {
                let mishap = Mishap { direction: Direction::ToDevice, after, what };
                let end = first_end(|world| world.air.plan([mishap])).await;
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
            let end = end_of_session(|broker| broker.disconnects(said, None)).await;
            assert_eq!((end.state, end.cause), (State::Refused, Cause::Disconnect(heard)));
            assert!((10 * MINUTE..=10 * MINUTE * 5 / 4).contains(&end.wait), "{end:?}");
        }
    });
}

#[test]
fn a_broker_that_keeps_commands_from_the_device_has_refused_it() {
    in_virtual_time(async {
        let mut world = World::new(0);
        world.broker.manners().suback = Some(SubscribeAckReason::NotAuthorized);
        is_left_alone(&mut world, 1, Cause::Suback(ReasonCode::NOT_AUTHORIZED)).await;
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
            let end = first_end(|world| world.broker.manners().refuses(reason, None)).await;
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
            let end = end_of_session(|broker| broker.disconnects(said, None)).await;
            assert_eq!((end.state, end.cause), (State::Offline, Cause::Disconnect(ReasonCode::new(code))));
            assert!(end.wait <= SECOND, "{end:?}");
        }
        for act in [Act::Close, Act::HangUp] {
            let end = end_of_session(|broker| broker.act(act)).await;
            assert_eq!((end.state, end.cause), (State::Offline, Cause::Closed));
        }
    });
}

#[test]
fn a_broker_that_names_a_time_is_left_alone_until_then() {
    const SECONDS: fn(u64) -> Duration = Duration::from_secs;
    let hour = (HOUR, HOUR * 5 / 4);
    let refused = (10 * MINUTE, 10 * MINUTE * 5 / 4);
    let soon = (Duration::ZERO, SECOND);
    in_virtual_time(async {
        for (reason, hint, (least, most)) in [
            (ConnectAckReason::ServerBusy, "3600", hour),
            (ConnectAckReason::ServerBusy, "0", soon),
            // No later than in a day, with its quarter more.
            (ConnectAckReason::ServerBusy, "604800", (DAY, DAY * 5 / 4)),
            (ConnectAckReason::ServerBusy, "soon", soon),
            (ConnectAckReason::ServerBusy, "-1", soon),
            (ConnectAckReason::ServerBusy, "99999999999999999999", soon),
            // A refusal is one for ten minutes at least, whatever is asked for.
            (ConnectAckReason::NotAuthorized, "60", refused),
            (ConnectAckReason::NotAuthorized, "3600", hour),
        ] {
            let end = first_end(|world| world.broker.manners().refuses(reason, Some(hint))).await;
            assert!((least..=most).contains(&end.wait), "{reason:?} {hint}: {end:?}");
            assert_eq!(end.retry_after, hint.parse().ok().map(SECONDS), "{reason:?} {hint}");
        }
        for (reason, hint, (least, most)) in [
            (DisconnectReasonCode::ServerShuttingDown, "30", (30 * SECOND, 30 * SECOND * 5 / 4)),
            (DisconnectReasonCode::ServerShuttingDown, "3600", hour),
            (DisconnectReasonCode::AdministrativeAction, "60", refused),
            (DisconnectReasonCode::AdministrativeAction, "3600", hour),
        ] {
            let end = end_of_session(|broker| broker.disconnects(reason, Some(hint))).await;
            assert!((least..=most).contains(&end.wait), "{reason:?} {hint}: {end:?}");
        }
    });
}

#[test]
fn a_device_that_is_welcome_again_is_online_after_the_next_attempt() {
    in_virtual_time(async {
        let mut world = World::new(0);
        let (chronicle, broker): (Chronicle, _) = (world.chronicle.clone(), world.broker.clone());
        broker.manners().refuses(ConnectAckReason::NotAuthorized, None);
        let script = async {
            sleep(DAY).await;
            broker.manners().accepts(|_| ());
            chronicle.becomes(chronicle.mark(), State::Online, 13 * MINUTE).await;
        };
        world.boot(script).await;
    });
}

#[test]
fn who_leaves_knows_how_the_last_attempt_ended() {
    in_virtual_time(async {
        let mut world = World::new(0);
        world.broker.manners().refuses(ConnectAckReason::Banned, None);
        let (chronicle, orders) = (world.chronicle.clone(), world.orders.clone());
        let leaving = async {
            let refused = chronicle.ends(0, MINUTE).await;
            orders.leave();
            refused
        };
        let (left, refused) = tokio::join!(world.board.run(), leaving);
        let ended = left.unwrap();
        assert_eq!((ended.cause, ended.retry_after), (refused.cause, None));
        assert_eq!(ended.cause, Cause::Connack(ReasonCode::new(0x8A)));
    });
}
