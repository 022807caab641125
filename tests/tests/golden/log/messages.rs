//! Publishes and subscriptions, allowed and denied, and messages that are lost.

use integration_tests::client::{Client, PATIENCE};
use integration_tests::mqtt::{self, Connect, DISCONNECT, Version};

use super::client::{SESSION, connect_with, serve};
use crate::answer;
use crate::recorder::Recorder;

pub(super) fn publishes_and_subscriptions(recorder: &mut Recorder<'_>) {
    let site = recorder.site;
    let denied = "devices/dev-2/telemetry/a";
    recorder.step(
        "five denied publishes, of which the first, second and fourth are logged",
        &["topic_denied", "topic_denied", "topic_denied", "session_closed"],
        || {
            serve(site, &site.device, &Connect::new(Version::V5, "dev-1"), |client| {
                for (qos, id) in [(0, 0), (1, 1), (2, 2), (1, 3), (0, 0)] {
                    client.send(&mqtt::publish(Version::V5, denied, b"x", qos, false, id));
                }
                client.send(&DISCONNECT);
            })
        },
    );
    for qos in 0..=2 {
        recorder.step(
            &format!("a denied publish with QoS {qos} (V311)"),
            &["publish", "session_closed"],
            || {
                serve(site, &site.device, &Connect::new(Version::V311, "dev-1"), |client| {
                    client.send(&mqtt::publish(Version::V311, denied, b"x", qos, false, u16::from(qos)));
                })
            },
        );
    }
    recorder.step(
        "a denied publish to a topic with a line break",
        &["topic_denied", "session_closed"],
        || {
            serve(site, &site.device, &Connect::new(Version::V5, "dev-1"), |client| {
                client.send(&mqtt::publish(Version::V5, "a\n{\"outcome\":\"allowed\"}", b"x", 1, false, 1));
                client.send(&DISCONNECT);
            })
        },
    );
    for version in Version::ALL {
        recorder.step(
            &format!("subscriptions ({version:?})"),
            &["allowed", "allowed", "allowed", "topic_denied", "topic_denied", "session_closed"],
            || {
                serve(site, &site.service, &Connect::new(version, "backend"), |client| {
                    for (id, filter) in [
                        "devices/+/telemetry/#",
                        "$share/readers/devices/+/telemetry/#",
                        "#",
                        "$SYS/#",
                        "devices/+/commands/#",
                        "devices/#/a",
                        "$share/readers",
                    ]
                    .into_iter()
                    .enumerate()
                    {
                        let id = u16::try_from(id + 1).expect("a few");
                        client.send(&mqtt::subscribe(version, filter, 1, id));
                    }
                    client.send(&mqtt::unsubscribe(version, "devices/+/telemetry/#", 20));
                    client.send(&DISCONNECT);
                })
            },
        );
    }
}

pub(super) fn lost_messages(recorder: &mut Recorder<'_>) {
    let site = recorder.site;
    let lasting = Connect::new(Version::V5, "dev-1").persistent();
    recorder.step(
        "a device subscribes, and goes for a while",
        &["allowed", "allowed", "session_closed"],
        || {
            let mut device = site.connect(&site.device, &lasting);
            assert_eq!(device.subscribe("devices/dev-1/commands/#", 1), 1);
            device.disconnect();
            String::new()
        },
    );
    let mut backend = recorder.connects(&site.service, &Connect::new(Version::V5, "backend"));
    recorder.step(
        "messages for which a queue has no room",
        &["the client's queue is full", "the client's queue is full"],
        || {
            for number in 0..4 {
                assert_eq!(backend.publish("devices/dev-1/commands/a", &number.to_string()), 0);
            }
            String::new()
        },
    );
    recorder.step("the session is given up", &SESSION, || {
        serve(site, &site.device, &Connect::new(Version::V5, "dev-1"), |client| client.send(&DISCONNECT))
    });
    recorder.step(
        "a message that is too long for its client",
        &["longer than the client accepts", "session_closed"],
        || {
            let mut device = Client::dial(site.address(), &site.tls(&site.device), Version::V5)
                .expect("a good certificate");
            device.send(&connect_with(0, "dev-1", &[0x27, 0, 0, 0, 200], &[]));
            let connack = answer::line(Version::V5, &device.hear(PATIENCE));
            assert_eq!(device.subscribe("devices/dev-1/commands/#", 1), 1);
            assert_eq!(backend.publish("devices/dev-1/commands/a", &"x".repeat(300)), 0);
            assert_eq!(backend.publish("devices/dev-1/commands/b", "short"), 0);
            let message = device.receive().topic;
            device.disconnect();
            format!("{connack}\n{message}")
        },
    );
    recorder.step(
        "more retained messages than an identity may have",
        &["are not retained", "session_closed"],
        || {
            serve(site, &site.device, &Connect::new(Version::V5, "dev-1"), |client| {
                for (id, topic) in [(1, "devices/dev-1/status"), (2, "devices/dev-1/telemetry/a")] {
                    client.send(&mqtt::publish(Version::V5, topic, b"x", 1, true, id));
                }
                client.send(&DISCONNECT);
            })
        },
    );
    recorder.step("the service leaves", &["session_closed"], || {
        backend.disconnect();
        String::new()
    });
}
