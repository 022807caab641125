//! Exchanges that end in every state, byte by byte: what a library hides.

use std::time::Duration;

use integration_tests::client::{Client, Heard, PATIENCE};
use integration_tests::mqtt::{self, Kind, Version};
use serde_json::json;

use crate::both_brokers::BothBrokers;
use crate::stage::{Stage, all_said, ending, in_words};

/// How long a client listens on for what should not come. If that is too short a fault may go unseen; none is made up.
const LINGER: Duration = Duration::from_millis(400);

const PUBACK: u8 = 0x40;
const PUBREC: u8 = 0x50;
const PUBREL: u8 = 0x62;
const PUBCOMP: u8 = 0x70;

#[test]
fn an_exchange_goes_on_where_the_last_connection_left_it() {
    let Some(brokers) = BothBrokers::open() else { return };
    brokers.perform(&[
        ("to_a_client_with_1", to_a_client_with_1),
        ("to_a_client_with_2", to_a_client_with_2),
        ("from_a_client_with_1", from_a_client_with_1),
        ("from_a_client_with_2", from_a_client_with_2),
        ("said_twice", said_twice),
        ("ids_are_used_again", ids_are_used_again),
    ]);
}

#[test]
fn what_a_client_must_not_do_ends_its_connection() {
    let Some(brokers) = BothBrokers::open() else { return };
    brokers.perform(&[
        ("first_packets", first_packets),
        ("second_connect", second_connect),
        ("wildcards_in_a_topic", wildcards_in_a_topic),
        ("wrong_filters", wrong_filters),
        ("too_many_in_flight", too_many_in_flight),
    ]);
}

/// A subscriber whose session lasts, and a message that is on its way to it; the packet id.
fn on_its_way(stage: &Stage, qos: u8) -> (Client, u16) {
    let topic = stage.topic("t");
    let mut subscriber = stage.lasting("s");
    assert_eq!(subscriber.subscribe(&topic, qos), qos);
    let mut publisher = stage.client("p");
    publisher.publish_qos2(&topic, "m");
    let message = subscriber.expect(Kind::Publish).message();
    assert_eq!((message.qos, message.duplicate), (qos, false));
    (subscriber, message.id)
}

/// Gone and back.
fn reconnected(stage: &Stage, client: Client, name: &str) -> Client {
    drop(client);
    stage.lasting(name)
}

fn to_a_client_with_1(stage: &mut Stage) {
    let (mut client, id) = on_its_way(stage, 1);
    for times in ["once", "twice"] {
        client = reconnected(stage, client, "s");
        let spec = json!([{"publish": "m", "id": id, "dup": true}]);
        stage.saw(&format!("before PUBACK, {times}"), all_said(&mut client), spec, "4.4.0-1, 3.3.1-1");
    }
    client.send(&mqtt::acknowledge(PUBACK, id));
    assert!(client.is_alive());
    client = reconnected(stage, client, "s");
    stage.saw("after PUBACK", all_said(&mut client), json!([]), "4.3.2");
}

fn to_a_client_with_2(stage: &mut Stage) {
    let (mut client, id) = on_its_way(stage, 2);
    client = reconnected(stage, client, "s");
    let again = json!([{"publish": "m", "id": id, "dup": true}]);
    stage.saw("before PUBREC", all_said(&mut client), again, "4.4.0-1, 3.3.1-1");
    client.send(&mqtt::acknowledge(PUBREC, id));
    let released = json!([{"pubrel": id}]);
    stage.saw("PUBREC", all_said(&mut client), released.clone(), "4.3.3-4 (3.1.1: 4.3.3-1)");
    for times in ["once", "twice"] {
        client = reconnected(stage, client, "s");
        stage.saw(&format!("before PUBCOMP, {times}"), all_said(&mut client), released.clone(), "4.4.0-1");
    }
    client.send(&mqtt::acknowledge(PUBCOMP, id));
    assert!(client.is_alive());
    client = reconnected(stage, client, "s");
    stage.saw("after PUBCOMP", all_said(&mut client), json!([]), "4.3.3");
}

/// PUBLISH, perhaps marked as sent before.
fn publish(stage: &Stage, qos: u8, id: u16, payload: &str, again: bool) -> Vec<u8> {
    let mut packet = mqtt::publish(stage.version, &stage.topic("t"), payload.as_bytes(), qos, false, id);
    packet[0] |= u8::from(again) << 3;
    packet
}

/// What a subscriber hears: so many messages, and what more there is.
fn heard(subscriber: &mut Client, count: usize) -> Vec<String> {
    let mut heard = Vec::new();
    loop {
        match subscriber.hear(if heard.len() < count { PATIENCE } else { LINGER }) {
            Heard::Packet(packet) if packet.is(Kind::Publish) => heard.push(packet.message().payload),
            _ => return heard,
        }
    }
}

fn listener(stage: &Stage) -> Client {
    let mut listener = stage.client("listener");
    // What arrives needs no answer, so that nothing is left to do.
    assert_eq!(listener.subscribe(&stage.topic("t"), 0), 0);
    listener
}

fn from_a_client_with_1(stage: &mut Stage) {
    let mut listener = listener(stage);
    let mut client = stage.lasting("p");
    client.send(&publish(stage, 1, 7, "m", false));
    // The answer is on its way, and nobody reads it.
    assert_eq!(heard(&mut listener, 1), ["m"]);
    client = reconnected(stage, client, "p");
    client.send(&publish(stage, 1, 7, "m", true));
    stage.saw("sent again", all_said(&mut client), json!([{"puback": 7}]), "4.3.2-4 (3.1.1: 4.3.2-2)");
    let copies = heard(&mut listener, 1);
    stage.saw("delivered again", copies, json!(["m"]), "4.3.2-5: a message of its own");
}

fn from_a_client_with_2(stage: &mut Stage) {
    let mut listener = listener(stage);
    let mut client = stage.lasting("p");
    client.send(&publish(stage, 2, 9, "m", false));
    assert_eq!(in_words(&client.expect(Kind::PubRec)), json!({"pubrec": 9}));
    client = reconnected(stage, client, "p");
    client.send(&publish(stage, 2, 9, "m", true));
    stage.saw("before PUBREL", all_said(&mut client), json!([{"pubrec": 9}]), "4.3.3-10 (3.1.1: 4.3.3-2)");
    client.send(&mqtt::acknowledge(PUBREL, 9));
    stage.saw("PUBREL", all_said(&mut client), json!([{"pubcomp": 9}]), "4.3.3-11 (3.1.1: 4.3.3-2)");
    client = reconnected(stage, client, "p");
    client.send(&mqtt::acknowledge(PUBREL, 9));
    stage.saw("PUBREL again", all_said(&mut client), json!([{"pubcomp": 9}]), "4.3.3-11 (3.1.1: 4.3.3-2)");
    stage.saw("delivered", heard(&mut listener, 1), json!(["m"]), "4.3.3-12: once (3.1.1: 4.3.3-2)");
}

fn said_twice(stage: &mut Stage) {
    let mut listener = listener(stage);
    let mut client = stage.client("p");
    // One after the other: a broker that closes before it has read everything may take back what it said last.
    let mut answered = Vec::new();
    for again in [false, true, true] {
        client.send(&publish(stage, 2, 3, "m", again));
        answered.extend(all_said(&mut client));
        if !client.is_alive() {
            break;
        }
    }
    let answers = json!([{"pubrec": 3}, {"pubrec": 3}, {"pubrec": 3}]);
    stage.saw("three times PUBLISH", answered, answers, "4.3.3-10 (3.1.1: 4.3.3-2)");
    for _ in 0..2 {
        client.send(&mqtt::acknowledge(PUBREL, 3));
    }
    let answers = json!([{"pubcomp": 3}, {"pubcomp": 3}]);
    stage.saw("twice PUBREL", all_said(&mut client), answers, "4.3.3-11 (3.1.1: 4.3.3-2)");
    stage.saw("delivered", heard(&mut listener, 1), json!(["m"]), "4.3.3-12: once");

    let (mut client, id) = on_its_way(stage, 2);
    client.send(&mqtt::acknowledge(PUBREC, id));
    client.send(&mqtt::acknowledge(PUBREC, id));
    let answers = json!([{"pubrel": id}, {"pubrel": id}]);
    stage.saw("twice PUBREC", all_said(&mut client), answers, "4.3.3-4");
}

fn ids_are_used_again(stage: &mut Stage) {
    let mut listener = listener(stage);
    let mut client = stage.client("p");
    for payload in ["first", "second"] {
        client.send(&publish(stage, 2, 5, payload, false));
        client.expect(Kind::PubRec);
        client.send(&mqtt::acknowledge(PUBREL, 5));
        client.expect(Kind::PubComp);
    }
    stage.saw("delivered", heard(&mut listener, 2), json!(["first", "second"]), "2.2.1-4, 4.3.3");
}

fn first_packets(stage: &mut Stage) {
    let level = if stage.version == Version::V5 { 5 } else { 4 };
    let connect = |name: &[u8], level: u8, rest: &[u8]| mqtt::frame(0x10, &[name, &[level], rest].concat());
    let rest: &[u8] = if level == 5 { b"\x02\0\x3c\0\0\x01x" } else { b"\x02\0\x3c\0\x01x" };
    for (what, packet, clause) in [
        ("another protocol name", connect(b"\0\x02hj", level, rest), "3.1.2-1"),
        ("no CONNECT", mqtt::PINGREQ.to_vec(), "3.1.0-1"),
    ] {
        let mut client = stage.dial();
        client.send(&packet);
        stage.saw(what, ending(&mut client), "closed", clause);
    }
    if stage.version == Version::V311 {
        let mut client = stage.dial();
        client.send(&stage.connect("x").persistent().without_id().packet());
        let code = match client.hear(PATIENCE) {
            Heard::Packet(connack) if connack.is(Kind::ConnAck) => json!(connack.reason_code()),
            heard => json!(format!("{heard:?}")),
        };
        stage.saw("no client id and no clean session", code, 2, "3.1.1: 3.1.3-8");
        stage.saw("after that", ending(&mut client), "closed", "3.1.1: 3.1.3-8");
    }
}

fn second_connect(stage: &mut Stage) {
    let mut client = stage.client("a");
    client.send(&stage.connect("a").packet());
    let spec = if stage.version == Version::V5 { json!(0x82) } else { json!("closed") };
    stage.saw("ended with", ending(&mut client), spec, "3.1.0-2: a Protocol Error");
}

fn wildcards_in_a_topic(stage: &mut Stage) {
    for topic in ["a/+", "#", "a/b#"] {
        let mut client = stage.client("a");
        client.send(&mqtt::publish(stage.version, &stage.topic(topic), b"x", 1, false, 1));
        let spec = if stage.version == Version::V5 { json!(0x90) } else { json!("closed") };
        stage.saw(topic, ending(&mut client), spec, "3.3.2-2, 4.13.1: Topic Name invalid (3.1.1: 4.8.0-1)");
    }
}

fn wrong_filters(stage: &mut Stage) {
    let spec = if stage.version == Version::V5 { 0x8F } else { 0x80 };
    for filter in ["a/#/b", "a#", "a+/b"] {
        let mut client = stage.client("a");
        client.send(&mqtt::subscribe(stage.version, &stage.topic(filter), 1, 1));
        let answer = match client.hear(PATIENCE) {
            Heard::Packet(packet) if packet.is(Kind::SubAck) => json!(packet.reason_code()),
            Heard::Packet(packet) if packet.is(Kind::Disconnect) => json!("closed"),
            heard => json!(format!("{heard:?}").to_lowercase()),
        };
        stage.saw(filter, answer, spec, "4.7.1-1, 4.7.1-2, 3.9.3: Topic Filter invalid");
    }
}

fn too_many_in_flight(stage: &mut Stage) {
    let mut client = stage.client("a");
    for id in 1..=20 {
        client.send(&publish(stage, 2, id, "m", false));
        client.expect(Kind::PubRec);
    }
    client.send(&publish(stage, 2, 21, "m", false));
    if stage.version == Version::V5 {
        stage.saw(
            "one more than Receive Maximum",
            ending(&mut client),
            0x93,
            "3.3.4-7, 4.9: Receive Maximum exceeded",
        );
    } else {
        client.send(&mqtt::acknowledge(PUBREL, 1));
        let is_alive = !matches!(client.hear(PATIENCE), Heard::Closed);
        stage.saw("there is no such limit in 3.1.1", is_alive, true, "3.1.1: 4.4");
    }
}
