//! Clients that break the protocol, with their first packet or later.

use integration_tests::client::Client;
use integration_tests::mqtt::{self, Connect, DISCONNECT, PINGREQ, Version, frame, text};

use super::client::{SESSION, connect_with, say, serve};
use crate::recorder::Recorder;

pub(super) fn first_packets(recorder: &mut Recorder<'_>) {
    let site = recorder.site;
    let version = |level: u8| {
        let mut body = text("MQTT");
        body.extend([level, 0x02, 0, 60]);
        body.extend(text("dev-1"));
        frame(0x10, &body)
    };
    let malformed = |level: u8| frame(0x10, &[&text("MQTT")[..], &[level, 0x03, 0, 60]].concat());
    let no_id = Connect::new(Version::V311, "").persistent().packet();
    for (title, spoken, bytes) in [
        ("the first packet is PINGREQ", Version::V5, PINGREQ.to_vec()),
        ("the first packet is one that only servers send", Version::V5, frame(0x20, &[0, 0])),
        ("MQTT 3.1", Version::V311, version(3)),
        ("a version of MQTT that there is not", Version::V311, version(6)),
        ("a malformed CONNECT of MQTT 5", Version::V5, malformed(5)),
        ("a malformed CONNECT of MQTT 3.1.1", Version::V311, malformed(4)),
        ("a CONNECT of MQTT 3.1.1 without a client id, for a session that lasts", Version::V311, no_id),
        ("a CONNECT that is too long", Version::V5, vec![0x10, 0xFF, 0xFF, 0x7F]),
        ("a length that is none", Version::V5, vec![0x10, 0xFF, 0xFF, 0xFF, 0xFF]),
    ] {
        recorder.step(title, &["no CONNECT could be read"], || say(site, &site.device, spoken, &bytes));
    }
    recorder.step("no CONNECT, and the client is gone", &[], || {
        drop(Client::dial(site.address(), &site.tls(&site.device), Version::V5));
        String::new()
    });
    let method = [&[0x15][..], &text("SCRAM")].concat();
    let data = [&[0x16][..], &text("secret")].concat();
    for (title, properties) in [
        ("a CONNECT with an authentication method", &method),
        ("a CONNECT with authentication data alone", &data),
    ] {
        let packet = connect_with(0, "dev-1", properties, &[]);
        recorder.step(title, &[], || say(site, &site.device, Version::V5, &packet));
    }
}

pub(super) fn protocol_errors(recorder: &mut Recorder<'_>) {
    let site = recorder.site;
    let topic = "devices/dev-1/telemetry/a";
    let publish = |version, topic: &str| mqtt::publish(version, topic, b"x", 1, false, 1);
    let with_properties = |topic: &str, properties: &[u8]| {
        let mut body = text(topic);
        body.extend([0, 1]);
        body.extend(mqtt::length(properties.len()));
        body.extend(properties);
        frame(0x32, &body)
    };
    let second_connect = Connect::new(Version::V5, "dev-1").packet();
    let deep = format!("devices/dev-1/telemetry{}", "/1".repeat(20));
    let long = format!("devices/dev-1/telemetry/{}", "x".repeat(2000));
    for (title, bytes) in [
        ("a second CONNECT", second_connect),
        ("AUTH", frame(0xF0, &[0x18, 0])),
        ("a packet that only servers send", vec![0xD0, 0x00]),
        ("a packet type that there is not", vec![0x00, 0x00]),
        ("a packet that is too long", vec![0x30, 0xFF, 0xFF, 0x7F]),
        ("PINGREQ with content", vec![0xC0, 0x01, 0x00]),
        ("a length that is none", vec![0x30, 0xFF, 0xFF, 0xFF, 0xFF]),
        ("a malformed PUBLISH", frame(0x32, &[0, 9, b'x'])),
        ("a PUBLISH with QoS 3", frame(0x36, &[0, 1, b'x', 0, 1, 0])),
        ("a SUBSCRIBE without a filter", frame(0x82, &[0, 1, 0])),
        ("a SUBSCRIBE with packet id 0", mqtt::subscribe(Version::V5, "devices/dev-1/commands/#", 0, 0)),
        ("a PUBLISH without a topic", publish(Version::V5, "")),
        ("a PUBLISH to a filter", publish(Version::V5, "devices/dev-1/telemetry/#")),
        ("a PUBLISH with NUL in its topic", publish(Version::V5, "devices/dev-1/telemetry/\0")),
        ("a PUBLISH to a topic that is too deep", publish(Version::V5, &deep)),
        ("a PUBLISH to a topic that is too long", publish(Version::V5, &long)),
        ("a topic alias that was never set", with_properties("", &[0x23, 0, 1])),
        ("a topic alias that is too high", with_properties(topic, &[0x23, 0, 99])),
        ("a PUBLISH with a Subscription Identifier", with_properties(topic, &[0x0B, 1])),
    ] {
        recorder.step(&format!("{title} (V5)"), &SESSION, || {
            serve(site, &site.device, &Connect::new(Version::V5, "dev-1"), |client| client.send(&bytes))
        });
    }
    for (title, bytes) in [
        ("an acknowledgement of nothing", mqtt::acknowledge(0x40, 7)),
        ("a release of nothing", mqtt::acknowledge(0x62, 7)),
    ] {
        recorder.step(title, &SESSION, || {
            serve(site, &site.device, &Connect::new(Version::V5, "dev-1"), |client| {
                client.send(&[&bytes[..], &DISCONNECT].concat());
            })
        });
    }
    for (title, bytes) in [
        ("a PUBLISH without a topic", publish(Version::V311, "")),
        ("a PUBLISH to a filter", publish(Version::V311, "devices/dev-1/telemetry/#")),
        ("a PUBLISH to a topic that is too deep", publish(Version::V311, &deep)),
    ] {
        recorder.step(&format!("{title} (V311)"), &SESSION, || {
            serve(site, &site.device, &Connect::new(Version::V311, "dev-1"), |client| client.send(&bytes))
        });
    }
    recorder.step("more QoS 2 messages unreleased than the broker takes", &SESSION, || {
        serve(site, &site.device, &Connect::new(Version::V5, "dev-1"), |client| {
            for id in 1..=3 {
                client.send(&mqtt::publish(Version::V5, topic, b"x", 2, false, id));
            }
        })
    });
    recorder.step("a client that takes no packet as long as CONNACK", &SESSION, || {
        say(site, &site.device, Version::V5, &connect_with(0, "dev-1", &[0x27, 0, 0, 0, 10], &[]))
    });
}
