//! Ways around BASIC_AUTH: whoever comes by `use_identity_as_username` may do nothing, and is kicked.

use std::time::Duration;

use integration_tests::client::{Client, Heard, PATIENCE};
use integration_tests::mqtt::{self, Connect, Kind, Version};

use crate::site::{MUTUAL, SKIPS_BASIC_AUTH, Site, is_done, is_kicked};

#[test]
fn whoever_was_never_asked_about_is_denied_and_kicked_at_the_first_access() {
    let Some(site) = Site::with_listeners([SKIPS_BASIC_AUTH], "") else { return };
    for version in Version::ALL {
        let mut publisher = site.dev_1(version);
        publisher.publish_qos0("devices/dev-1/a", "1");
        assert!(is_kicked(&mut publisher), "{version:?}");
        let mut subscriber = site.dev_1(version);
        let code = subscriber.subscribe("devices/dev-1/a", 0);
        assert_eq!(code, if version == Version::V5 { 0x87 } else { 0x80 });
        assert!(is_kicked(&mut subscriber), "{version:?}");
        let mut idle = site.dev_1(version);
        assert!(idle.is_alive(), "whoever wants nothing gets nothing");
    }
}

/// Authentication in steps (MQTT 5 §4.12) has callbacks of its own, which the plugin has not.
#[test]
fn whoever_asks_for_another_method_of_authentication_is_refused() {
    let Some(site) = Site::new() else { return };
    let mut client =
        Client::dial(site.mosquitto.address(), &site.tls(&site.device), Version::V5).expect("it may");
    let mut body = mqtt::text("MQTT");
    body.extend([5, 2, 0, 60]);
    let method = [&[0x15][..], &mqtt::text("SCRAM-SHA-1")].concat();
    body.extend(mqtt::length(method.len()));
    body.extend(method);
    body.extend(mqtt::text("dev-1"));
    client.send(&mqtt::frame(0x10, &body));
    match client.hear(PATIENCE) {
        Heard::Packet(packet) if packet.is(Kind::ConnAck) => assert_eq!(packet.reason_code(), 0x8C),
        other => panic!("{other:?}"),
    }
}

#[test]
fn whoever_was_never_asked_about_leaves_no_will() {
    let Some(site) = Site::with_listeners([MUTUAL, SKIPS_BASIC_AUTH], "") else { return };
    let mut witness = site.dev_1(Version::V5);
    assert_eq!(witness.subscribe("devices/dev-1/#", 0), 0);
    for delay in [0, 1] {
        let connect =
            Connect::new(Version::V5, "somebody").delayed_will("devices/dev-1/will", "forged", delay);
        let client = Client::connect(site.mosquitto.addresses()[1], &site.tls(&site.other), &connect);
        drop(client);
        assert_eq!(witness.hear(Duration::from_millis(1500)), Heard::Silence);
    }
}

#[test]
fn the_session_of_another_is_taken_over_and_nothing_is_heard_of_it() {
    let Some(site) = Site::with_listeners([MUTUAL, SKIPS_BASIC_AUTH], "") else { return };
    let (entrance, side_door) = (site.mosquitto.addresses()[0], site.mosquitto.addresses()[1]);
    for version in Version::ALL {
        for is_connected in [true, false] {
            let persistent = Connect::new(version, "dev-1").persistent();
            let mut device = Client::connect(entrance, &site.tls(&site.device), &persistent);
            assert_eq!(device.subscribe("devices/dev-1/secret", 1), 1);
            if !is_connected {
                device.disconnect();
                site.settle();
            }
            let mut thief = Client::connect(side_door, &site.tls(&site.other), &persistent);
            // A message to the session, from somebody who may: the device itself, under the same client id, cannot. mosquitto
            // delivers what it says itself.
            thief.publish_qos0("devices/dev-1/secret", "to myself");
            assert!(is_kicked(&mut thief), "{version:?} {is_connected}");
            site.settle();
            let mut again =
                Client::connect(entrance, &site.tls(&site.device), &Connect::new(version, "dev-1"));
            assert!(is_done(again.publish("devices/dev-1/secret", "mine")), "{version:?} {is_connected}");
            again.disconnect();
            site.settle();
        }
    }
}

#[test]
fn messages_that_wait_for_a_device_are_not_delivered_to_whoever_takes_its_session() {
    let Some(site) = Site::with_listeners([MUTUAL, SKIPS_BASIC_AUTH], "") else { return };
    let (entrance, side_door) = (site.mosquitto.addresses()[0], site.mosquitto.addresses()[1]);
    for version in Version::ALL {
        let persistent = Connect::new(version, "dev-1").persistent();
        let mut device = Client::connect(entrance, &site.tls(&site.device), &persistent);
        assert_eq!(device.subscribe("board/#", 1), 1);
        device.disconnect();
        let mut other = Client::connect(entrance, &site.tls(&site.other), &Connect::new(version, "dev-2"));
        assert!(is_done(other.publish("board/dev-2", "a secret")));
        let mut thief = Client::connect(side_door, &site.tls(&site.other), &persistent);
        // mosquitto asks about what waits as soon as it has the session: that is the first access.
        assert!(is_kicked(&mut thief), "{version:?}");
        let mut thief = Client::connect(side_door, &site.tls(&site.other), &persistent);
        assert!(is_done(other.publish("board/dev-2", "another secret")));
        // It has the session, and perhaps its subscription; whether it is kicked for that or not, it hears of no message.
        match thief.hear(Duration::from_secs(1)) {
            Heard::Packet(packet) => assert!(packet.is(Kind::Disconnect), "{packet:?}"),
            Heard::Closed | Heard::Silence => {}
            other => panic!("{other:?}"),
        }
        let mut device = Client::connect(entrance, &site.tls(&site.device), &persistent);
        assert!(is_done(device.publish("devices/dev-1/a", "1")));
        device.disconnect();
    }
}

#[test]
fn whoever_has_the_place_of_a_client_in_memory_has_nothing_of_its_permit() {
    let Some(site) = Site::with_listeners([MUTUAL, SKIPS_BASIC_AUTH], "") else { return };
    let (entrance, side_door) = (site.mosquitto.addresses()[0], site.mosquitto.addresses()[1]);
    // mosquitto frees one client and allocates the next: often at the same address, and by the same client id.
    for round in 0..20 {
        let clean = Connect::new(Version::V5, "dev-1");
        let mut device = Client::connect(entrance, &site.tls(&site.device), &clean);
        assert!(device.is_alive());
        device.disconnect();
        if round % 2 == 0 {
            site.settle();
        }
        let mut thief = Client::connect(side_door, &site.tls(&site.other), &clean);
        assert_eq!(thief.subscribe("devices/dev-1/a", 0), 0x87, "round {round}");
        assert!(is_kicked(&mut thief), "round {round}");
    }
}
