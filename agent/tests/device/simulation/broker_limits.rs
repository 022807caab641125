//! The limits of a CONNACK, and messages that the broker refuses.

use countersign_agent::mqtt::{QoS, ReasonCode};
use countersign_agent::session::{State, Timing};
use rmqtt_codec::v5::{self, Packet, PublishAckReason};
use tokio::time::sleep;

use super::event_log::{Event, EventLog};
use super::{HOUR, MINUTE, SECOND, Simulation, in_virtual_time, protocol_check, retry_check};

/// The messages the agent reports as rejected, with their reasons.
fn rejections(log: &EventLog) -> Vec<(String, ReasonCode)> {
    log.all(0, |entry| match &entry.event {
        Event::Rejected { text, reason } => Some((text.clone(), *reason)),
        _ => None,
    })
}

/// The messages the broker has received, in order, and whether with QoS 1.
fn received(log: &EventLog) -> Vec<(String, bool)> {
    log.all(0, |entry| match &entry.event {
        Event::Received { packet: Packet::Publish(publish), .. } if publish.topic.contains("/telemetry/") => {
            let text = String::from_utf8(publish.payload.to_vec()).unwrap();
            Some((text, publish.qos == v5::QoS::AtLeastOnce))
        }
        _ => None,
    })
}

/// The most messages that were sent and not acknowledged at any moment.
fn most_in_flight(log: &EventLog) -> usize {
    let (mut most, mut now) = (0_usize, 0_usize);
    for entry in &*log.entries() {
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
fn no_more_messages_are_in_flight_than_receive_maximum() {
    in_virtual_time(async {
        for (receive_maximum, expected) in [(1, 1), (2, 2), (7, 7), (u16::MAX, 20)] {
            let mut simulation = Simulation::new(0);
            let log = simulation.log.clone();
            simulation
                .broker
                .behaviour()
                .accept_with(|connack| connack.receive_max = receive_maximum.try_into().unwrap());
            simulation.broker.behaviour().puback_delay = Some(SECOND);
            for message in 0..20 {
                simulation.firmware.publish(format!("message {message}"), QoS::AtLeastOnce);
            }
            simulation.boot(sleep(HOUR)).await;
            assert_eq!(log.all_ends(0), [], "{receive_maximum}");
            protocol_check::check(&log);
            assert_eq!(protocol_check::outstanding(&log), Vec::<String>::new());
            assert!((expected..=expected + 1).contains(&most_in_flight(&log)), "{receive_maximum}");
        }
    });
}

#[test]
fn a_broker_without_qos_1_and_retained_messages_gets_none() {
    in_virtual_time(async {
        let mut simulation = Simulation::new(0);
        let log = simulation.log.clone();
        simulation.broker.behaviour().accept_with(|connack| {
            connack.max_qos = v5::QoS::AtMostOnce;
            connack.retain_available = false;
        });
        for message in 0..20 {
            simulation.firmware.publish(format!("message {message}"), QoS::AtLeastOnce);
        }
        simulation.broker.send_command("c", "jump");
        simulation.boot(sleep(HOUR)).await;
        assert_eq!(log.all_ends(0), []);
        protocol_check::check(&log);
        let received = received(&log);
        assert_eq!(received.len(), 21);
        assert!(received.iter().all(|(_, is_qos_1)| !is_qos_1));
    });
}

#[test]
fn a_message_that_is_too_long_for_the_broker_is_rejected_and_no_other() {
    in_virtual_time(async {
        let mut simulation = Simulation::new(0);
        let log = simulation.log.clone();
        simulation.broker.behaviour().accept_with(|connack| connack.max_packet_size = Some(120));
        let long = "so much to say ".repeat(10);
        for (text, qos) in [
            ("before", QoS::AtLeastOnce),
            (&*long, QoS::AtLeastOnce),
            ("between", QoS::AtMostOnce),
            (&*long, QoS::AtMostOnce),
            ("after", QoS::AtLeastOnce),
        ] {
            simulation.firmware.publish(text, qos);
        }
        simulation.boot(sleep(HOUR)).await;
        assert_eq!(log.all_ends(0), []);
        protocol_check::check(&log);
        assert_eq!(protocol_check::outstanding(&log), Vec::<String>::new());
        let rejected = |number| (format!("{number:06} {long}"), ReasonCode::PACKET_TOO_LARGE);
        assert_eq!(rejections(&log), [rejected(1), rejected(3)]);
        let said = |text: &str, is_qos_1| (text.to_owned(), is_qos_1);
        let expected =
            [said("000000 before", true), said("000002 between", false), said("000004 after", true)];
        assert_eq!(received(&log), expected);
    });
}

#[test]
fn a_broker_whose_packet_limit_is_below_subscribe_is_tried_with_backoff() {
    in_virtual_time(async {
        let mut simulation = Simulation::new(0);
        let log = simulation.log.clone();
        simulation.broker.behaviour().accept_with(|connack| connack.max_packet_size = Some(20));
        simulation.boot(sleep(6 * HOUR)).await;
        retry_check::check(&log, Timing::default());
        assert!(retry_check::most_attempts_in_an_hour(&log) <= 60);
    });
}

#[test]
fn a_message_the_broker_refuses_is_rejected_with_its_reason_and_no_other() {
    in_virtual_time(async {
        let mut simulation = Simulation::new(0);
        let (log, broker, firmware) =
            (simulation.log.clone(), simulation.broker.clone(), simulation.firmware.clone());
        let script = async {
            log.wait_for_state(0, State::Online, MINUTE).await;
            // The status message is acknowledged by now; it is none of the firmware's.
            broker.behaviour().puback_reason = PublishAckReason::NotAuthorized;
            firmware.publish("unwanted", QoS::AtLeastOnce);
            sleep(MINUTE).await;
            broker.behaviour().puback_reason = PublishAckReason::NoMatchingSubscribers;
            firmware.publish("wanted by nobody", QoS::AtLeastOnce);
            sleep(MINUTE).await;
        };
        simulation.boot(script).await;
        assert_eq!(log.all_ends(0), []);
        assert_eq!(rejections(&log), [("000000 unwanted".to_owned(), ReasonCode::NOT_AUTHORIZED)]);
        assert_eq!(protocol_check::outstanding(&log), Vec::<String>::new());
    });
}

#[test]
fn a_refused_status_is_not_reported_as_a_message_of_the_firmware() {
    in_virtual_time(async {
        let mut simulation = Simulation::new(0);
        simulation.broker.behaviour().puback_reason = PublishAckReason::NotAuthorized;
        simulation.boot(sleep(HOUR)).await;
        assert_eq!(simulation.log.all_ends(0), []);
        assert_eq!(rejections(&simulation.log), []);
    });
}
