//! What a broker allows, and what becomes of the rest.

use countersign_agent::mqtt::{QoS, ReasonCode};
use countersign_agent::session::{State, Timing};
use rmqtt_codec::v5::{self, Packet, PublishAckReason};
use tokio::time::sleep;

use super::chronicle::{Chronicle, Event};
use super::{HOUR, MINUTE, SECOND, World, etiquette, in_virtual_time, patience};

/// What the agent says is rejected, and why.
fn rejections(chronicle: &Chronicle) -> Vec<(String, ReasonCode)> {
    chronicle.all(0, |entry| match &entry.event {
        Event::Rejected { text, reason } => Some((text.clone(), *reason)),
        _ => None,
    })
}

/// The messages the broker has got, in their order; with QoS 1 or not.
fn received(chronicle: &Chronicle) -> Vec<(String, bool)> {
    chronicle.all(0, |entry| match &entry.event {
        Event::Received { packet: Packet::Publish(publish), .. } if publish.topic.contains("/telemetry/") => {
            let text = String::from_utf8(publish.payload.to_vec()).unwrap();
            Some((text, publish.qos == v5::QoS::AtLeastOnce))
        }
        _ => None,
    })
}

/// The most messages that were sent and not acknowledged at any moment.
fn most_under_way(chronicle: &Chronicle) -> usize {
    let (mut most, mut now) = (0_usize, 0_usize);
    for entry in &*chronicle.entries() {
        match &entry.event {
            Event::Received { packet: Packet::Publish(publish), .. } if publish.packet_id.is_some() => {
                now += 1;
            }
            Event::Sent { packet: Packet::PublishAck(_), .. } => now -= 1,
            _ => {}
        }
        most = most.max(now);
    }
    most
}

#[test]
fn no_more_messages_are_under_way_than_the_broker_takes() {
    in_virtual_time(async {
        for (receive_maximum, expected) in [(1, 1), (2, 2), (7, 7), (u16::MAX, 20)] {
            let mut world = World::new(0);
            let chronicle = world.chronicle.clone();
            world
                .broker
                .manners()
                .accepts(|connack| connack.receive_max = receive_maximum.try_into().unwrap());
            world.broker.manners().puback = Some(SECOND);
            for message in 0..20 {
                world.orders.say(format!("message {message}"), QoS::AtLeastOnce);
            }
            world.boot(sleep(HOUR)).await;
            assert_eq!(chronicle.all_ends(0), [], "{receive_maximum}");
            etiquette::was_kept(&chronicle);
            assert_eq!(etiquette::outstanding(&chronicle), Vec::<String>::new());
            assert!((expected..=expected + 1).contains(&most_under_way(&chronicle)), "{receive_maximum}");
        }
    });
}

#[test]
fn a_broker_without_qos_1_and_retained_messages_gets_none() {
    in_virtual_time(async {
        let mut world = World::new(0);
        let chronicle = world.chronicle.clone();
        world.broker.manners().accepts(|connack| {
            connack.max_qos = v5::QoS::AtMostOnce;
            connack.retain_available = false;
        });
        for message in 0..20 {
            world.orders.say(format!("message {message}"), QoS::AtLeastOnce);
        }
        world.broker.commands("c", "jump");
        world.boot(sleep(HOUR)).await;
        assert_eq!(chronicle.all_ends(0), []);
        etiquette::was_kept(&chronicle);
        let received = received(&chronicle);
        assert_eq!(received.len(), 21);
        assert!(received.iter().all(|(_, is_qos_1)| !is_qos_1));
    });
}

#[test]
fn a_message_that_is_too_long_for_the_broker_is_rejected_and_no_other() {
    in_virtual_time(async {
        let mut world = World::new(0);
        let chronicle = world.chronicle.clone();
        world.broker.manners().accepts(|connack| connack.max_packet_size = Some(120));
        let long = "so much to say ".repeat(10);
        for (text, qos) in [
            ("before", QoS::AtLeastOnce),
            (&*long, QoS::AtLeastOnce),
            ("between", QoS::AtMostOnce),
            (&*long, QoS::AtMostOnce),
            ("after", QoS::AtLeastOnce),
        ] {
            world.orders.say(text, qos);
        }
        world.boot(sleep(HOUR)).await;
        assert_eq!(chronicle.all_ends(0), []);
        etiquette::was_kept(&chronicle);
        assert_eq!(etiquette::outstanding(&chronicle), Vec::<String>::new());
        let rejected = |number| (format!("{number:06} {long}"), ReasonCode::PACKET_TOO_LARGE);
        assert_eq!(rejections(&chronicle), [rejected(1), rejected(3)]);
        let said = |text: &str, is_qos_1| (text.to_owned(), is_qos_1);
        let expected =
            [said("000000 before", true), said("000002 between", false), said("000004 after", true)];
        assert_eq!(received(&chronicle), expected);
    });
}

#[test]
fn a_broker_too_small_for_the_greeting_is_not_hammered() {
    in_virtual_time(async {
        let mut world = World::new(0);
        let chronicle = world.chronicle.clone();
        world.broker.manners().accepts(|connack| connack.max_packet_size = Some(20));
        world.boot(sleep(6 * HOUR)).await;
        patience::was_kept(&chronicle, Timing::default());
        assert!(patience::most_attempts_in_an_hour(&chronicle) <= 60);
    });
}

#[test]
fn a_message_the_broker_does_not_want_is_rejected_with_its_reason_and_no_other() {
    in_virtual_time(async {
        let mut world = World::new(0);
        let (chronicle, broker, orders) =
            (world.chronicle.clone(), world.broker.clone(), world.orders.clone());
        let script = async {
            chronicle.becomes(0, State::Online, MINUTE).await;
            // What is said of its status is no message of the firmware's.
            broker.manners().verdict = PublishAckReason::NotAuthorized;
            orders.say("unwanted", QoS::AtLeastOnce);
            sleep(MINUTE).await;
            broker.manners().verdict = PublishAckReason::NoMatchingSubscribers;
            orders.say("wanted by nobody", QoS::AtLeastOnce);
            sleep(MINUTE).await;
        };
        world.boot(script).await;
        assert_eq!(chronicle.all_ends(0), []);
        assert_eq!(rejections(&chronicle), [("000000 unwanted".to_owned(), ReasonCode::NOT_AUTHORIZED)]);
        assert_eq!(etiquette::outstanding(&chronicle), Vec::<String>::new());
    });
}

#[test]
fn a_status_the_broker_does_not_want_is_no_message_of_the_firmware() {
    in_virtual_time(async {
        let mut world = World::new(0);
        world.broker.manners().verdict = PublishAckReason::NotAuthorized;
        world.boot(sleep(HOUR)).await;
        assert_eq!(world.chronicle.all_ends(0), []);
        assert_eq!(rejections(&world.chronicle), []);
    });
}
