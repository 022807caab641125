//! What MQTT promises, and what an operator sees of it.

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use integration_tests::broker::operate;
use integration_tests::client::{Client, Heard, PATIENCE};
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::program::Programs;
use integration_tests::site::Site;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

#[test]
fn telemetry_goes_up_and_commands_go_down_with_every_quality_of_service_between_versions() {
    let site = Site::new(PROGRAMS);
    for (up, down) in [
        (Version::V311, Version::V311),
        (Version::V311, Version::V5),
        (Version::V5, Version::V311),
        (Version::V5, Version::V5),
    ] {
        let mut device = site.dev_1(up);
        let mut backend = site.backend(down);
        assert_eq!(device.subscribe("devices/dev-1/commands/#", 2), 2);
        assert_eq!(backend.subscribe("devices/+/telemetry/#", 2), 2);

        device.publish_qos0("devices/dev-1/telemetry/qos", "0");
        assert_eq!(device.publish("devices/dev-1/telemetry/qos", "1"), 0);
        assert_eq!(device.publish_qos2("devices/dev-1/telemetry/qos", "2"), 0);
        for qos in 0..=2 {
            let message = backend.receive();
            assert_eq!(message.topic, "devices/dev-1/telemetry/qos");
            assert_eq!(
                (message.payload.as_str(), message.qos),
                (&*qos.to_string(), qos),
                "{up:?} to {down:?}"
            );
            assert!(!message.retain && !message.duplicate);
        }

        backend.publish_qos0("devices/dev-1/commands/qos", "0");
        assert_eq!(backend.publish("devices/dev-1/commands/qos", "1"), 0);
        assert_eq!(backend.publish_qos2("devices/dev-1/commands/qos", "2"), 0);
        for qos in 0..=2 {
            let message = device.receive();
            assert_eq!(
                (message.payload.as_str(), message.qos),
                (&*qos.to_string(), qos),
                "{down:?} to {up:?}"
            );
        }
        assert!(device.is_alive() && backend.is_alive());
        device.disconnect();
        backend.disconnect();
    }
}

#[test]
fn a_subscription_with_a_lower_quality_of_service_is_delivered_to_with_that() {
    let site = Site::new(PROGRAMS);
    let mut backend = site.backend(Version::V5);
    assert_eq!(backend.subscribe("devices/+/telemetry/#", 1), 1);
    let mut device = site.dev_1(Version::V5);
    assert_eq!(device.publish_qos2("devices/dev-1/telemetry/a", "two"), 0);
    device.publish_qos0("devices/dev-1/telemetry/a", "none");
    let (two, none) = (backend.receive(), backend.receive());
    assert_eq!((two.payload.as_str(), two.qos), ("two", 1));
    assert_eq!((none.payload.as_str(), none.qos), ("none", 0));
}

#[test]
fn a_retained_status_waits_for_whoever_subscribes_later_until_it_is_cleared() {
    let site = Site::new(PROGRAMS);
    for version in Version::ALL {
        let mut device = site.dev_1(version);
        assert_eq!(device.publish_retained("devices/dev-1/status", "online"), 0);

        let mut backend = site.backend(version);
        assert_eq!(backend.subscribe("devices/+/status", 1), 1);
        let status = backend.receive();
        assert_eq!((status.payload.as_str(), status.retain), ("online", true));
        assert_eq!(device.publish_retained("devices/dev-1/status", "still online"), 0);
        let news = backend.receive();
        assert_eq!((news.payload.as_str(), news.retain), ("still online", false), "news is not retained");
        backend.disconnect();

        assert_eq!(device.publish_retained("devices/dev-1/status", ""), 0);
        let mut backend = site.backend(version);
        assert_eq!(backend.subscribe("devices/+/status", 1), 1);
        assert!(backend.is_alive(), "nothing is retained any more");
        backend.disconnect();
        device.disconnect();
    }
}

#[test]
fn a_will_is_published_when_a_connection_is_lost_and_not_after_a_disconnect() {
    let site = Site::new(PROGRAMS);
    for version in Version::ALL {
        let mut backend = site.backend(version);
        assert_eq!(backend.subscribe("devices/+/status", 1), 1);
        let with_will = Connect::new(version, "dev-1").will("devices/dev-1/status", "offline");

        site.connect(&site.device, &with_will).disconnect();
        assert!(backend.is_alive(), "a good-bye withdraws the will");

        drop(site.connect(&site.device, &with_will));
        let message = backend.receive();
        assert_eq!((message.topic.as_str(), message.payload.as_str()), ("devices/dev-1/status", "offline"));
        backend.disconnect();
    }
}

#[test]
fn a_persistent_session_is_given_what_was_published_while_its_client_was_away() {
    let site = Site::new(PROGRAMS);
    let tls = site.tls(&site.device);
    for version in Version::ALL {
        let lasting = Connect::new(version, "dev-1").persistent();
        let (mut device, connack) = Client::connect_and_connack(site.address(), &tls, &lasting);
        assert!(!connack.session_present());
        assert_eq!(device.subscribe("devices/dev-1/commands/#", 1), 1);
        device.disconnect();

        let mut backend = site.backend(version);
        for command in ["first", "second", "third"] {
            assert_eq!(backend.publish("devices/dev-1/commands/now", command), 0);
        }
        backend.disconnect();

        let (mut device, connack) = Client::connect_and_connack(site.address(), &tls, &lasting);
        assert!(connack.session_present());
        for command in ["first", "second", "third"] {
            assert_eq!(device.receive().payload, command);
        }
        device.disconnect();

        // A clean start ends what was kept.
        let (device, connack) =
            Client::connect_and_connack(site.address(), &tls, &Connect::new(version, "dev-1"));
        assert!(!connack.session_present());
        device.disconnect();
    }
}

#[test]
fn what_was_delivered_and_never_acknowledged_is_delivered_again() {
    let site = Site::new(PROGRAMS);
    for version in Version::ALL {
        let lasting = Connect::new(version, "dev-1").persistent();
        let mut device = site.connect(&site.device, &lasting);
        assert_eq!(device.subscribe("devices/dev-1/commands/#", 1), 1);
        let mut backend = site.backend(version);
        assert_eq!(backend.publish("devices/dev-1/commands/now", "reboot"), 0);
        let first = device.expect(Kind::Publish).message();
        assert!(!first.duplicate);
        drop(device);

        let mut device = site.connect(&site.device, &lasting);
        let second = device.receive();
        assert_eq!((second.payload.as_str(), second.duplicate, second.id), ("reboot", true, first.id));
        drop(device);

        let mut device = site.connect(&site.device, &lasting);
        assert!(device.is_alive(), "what was acknowledged does not come back");
        device.disconnect();
        site.connect(&site.device, &Connect::new(version, "dev-1")).disconnect();
    }
}

#[test]
fn a_client_that_connects_again_takes_over_its_own_session() {
    let site = Site::new(PROGRAMS);
    for version in Version::ALL {
        let mut earlier = site.dev_1(version);
        let mut later = site.dev_1(version);
        if version == Version::V5 {
            assert_eq!(earlier.expect(Kind::Disconnect).reason_code(), 0x8E);
        }
        assert_eq!(earlier.hear(PATIENCE), Heard::Closed);
        assert!(later.is_alive());
        later.disconnect();
    }
}

#[test]
fn a_client_that_is_silent_beyond_its_keep_alive_is_closed() {
    let site = Site::new(PROGRAMS);
    for version in Version::ALL {
        let mut device = site.connect(&site.device, &Connect::new(version, "dev-1").keep_alive(1));
        std::thread::sleep(Duration::from_millis(900));
        assert!(device.is_alive(), "a ping keeps it alive");
        let since = Instant::now();
        if version == Version::V5 {
            assert_eq!(device.expect(Kind::Disconnect).reason_code(), 0x8D);
        }
        assert_eq!(device.hear(PATIENCE), Heard::Closed);
        let silent = since.elapsed();
        assert!((1.4..6.0).contains(&silent.as_secs_f64()), "{silent:?}, not one and a half seconds");
    }
}

#[test]
fn an_mqtt_5_client_without_a_client_id_is_given_its_identity_and_the_time() {
    let site = Site::new(PROGRAMS);
    let tls = site.tls(&site.device);
    let (_, connack) = Client::connect_and_connack(site.address(), &tls, &Connect::new(Version::V5, ""));
    let body = String::from_utf8_lossy(connack.body());
    // Assigned Client Identifier is property 0x12 (MQTT 5 §3.2.2.3.7).
    assert!(body.contains("\x12\0\x05dev-1"), "{connack:?}");
    assert!(body.contains("countersign-time"), "{connack:?}");
}

#[test]
fn an_operator_lists_sessions_and_closes_one() {
    let site = Site::new(PROGRAMS);
    let mut device = site.dev_1(Version::V5);
    let mut backend = site.backend(Version::V311);
    assert_eq!(backend.subscribe("devices/+/telemetry/#", 1), 1);

    let sessions = operate(&site.fleet, "sessions", &["--json"]).json();
    let of = |identity: &str| {
        let sessions = sessions.as_array().expect("a list is one array");
        sessions
            .iter()
            .find(|session| session["identity"] == identity)
            .expect("the session is listed")
            .clone()
    };
    assert_eq!(sessions.as_array().map(Vec::len), Some(2), "{sessions}");
    assert_eq!(
        (of("dev-1")["policy"].as_str(), of("dev-1")["protocol"].as_str()),
        (Some("devices"), Some("5"))
    );
    assert_eq!(of("backend")["protocol"], "3.1.1");
    assert_eq!(of("backend")["subscriptions"], 1);

    let kicked = operate(&site.fleet, "kick", &["dev-1"]);
    let returned = Instant::now();
    assert_eq!(kicked.code, 0, "{}", kicked.stderr);
    assert_eq!(device.expect(Kind::Disconnect).reason_code(), 0x98);
    assert_eq!(device.hear(PATIENCE), Heard::Closed);
    assert!(returned.elapsed() < Duration::from_secs(1), "{:?}", returned.elapsed());
    assert!(backend.is_alive());
    let again = operate(&site.fleet, "kick", &["dev-1"]);
    assert_eq!(again.code, 4, "{}", again.stderr);
    assert!(again.stderr.contains("error: ") && again.stderr.contains("help: "), "{}", again.stderr);

    let status = operate(&site.fleet, "status", &["--json"]).json();
    assert_eq!(status["sessions"], 1, "{status}");
    // Kicked is not banned.
    assert!(site.dev_1(Version::V5).is_alive());
}

#[test]
fn a_broker_that_is_told_to_stop_tells_its_clients_and_ends_well() {
    let site = Site::new(PROGRAMS);
    let (mut five, mut three) = (site.dev_1(Version::V5), site.backend(Version::V311));
    site.broker.terminate();
    assert_eq!(five.expect(Kind::Disconnect).reason_code(), 0x8B);
    assert_eq!(five.hear(PATIENCE), Heard::Closed);
    assert_eq!(three.hear(PATIENCE), Heard::Closed);
    let Site { broker, fleet, .. } = site;
    assert_eq!(broker.wait(), 0);
    assert_eq!(operate(&fleet, "status", &[]).code, 1, "nobody answers any more");
}
