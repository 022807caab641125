//! A panic in each callback: mosquitto stays up, and nobody gets in.

use integration_tests::client::{Client, Heard};
use integration_tests::mqtt::{Connect, Kind, Version};

use crate::site::Site;

/// Whether a client gets in and may publish.
fn gets_in(site: &Site) -> bool {
    let connect = Connect::new(Version::V5, "dev-1");
    let (client, heard) = Client::attempt(site.mosquitto.address(), &site.tls(&site.device), &connect);
    match (client, heard) {
        (Some(mut client), Heard::Packet(connack))
            if connack.is(Kind::ConnAck) && connack.reason_code() == 0 =>
        {
            client.send(&integration_tests::mqtt::publish(Version::V5, "devices/dev-1/a", b"1", 1, false, 1));
            matches!(client.hear(integration_tests::client::PATIENCE), Heard::Packet(packet)
                if packet.is(Kind::PubAck) && packet.reason_code() < 0x80)
        }
        _ => false,
    }
}

#[test]
fn a_panic_in_each_callback_leaves_mosquitto_up_and_lets_nobody_in() {
    let Some(mut site) = Site::new() else { return };
    for event in ["BASIC_AUTH", "ACL_CHECK", "TICK", "RELOAD", "DISCONNECT"] {
        assert!(gets_in(&site), "before a panic in {event}");
        site.settle();
        site.panic_in(event);
        let provoked = match event {
            "RELOAD" => {
                site.mosquitto.reload();
                true
            }
            // The first to come is let in, and goes.
            "DISCONNECT" => gets_in(&site),
            _ => true,
        };
        assert!(provoked);
        site.settle();
        for _ in 0..3 {
            assert!(!gets_in(&site), "{event}");
        }
        site.wait_for(&format!("a panic in {event}"), 1);
        site.wait_for("panics.rs:", 1);
        assert!(site.mosquitto.is_running());
        site.panic_in("");
        match event {
            "RELOAD" => site.mosquitto.reload(),
            "DISCONNECT" => assert!(!gets_in(&site), "nothing has ended well yet"),
            _ => {}
        }
        site.settle();
        assert!(gets_in(&site), "after a panic in {event}");
    }
    let log = site.log();
    for event in ["TICK", "RELOAD", "DISCONNECT"] {
        assert_eq!(log.matches(&format!("a panic in {event}: everything is denied")).count(), 1, "{log}");
    }
    assert!(site.mosquitto.end().success(), "{log}");
}

#[test]
fn whoever_is_there_may_do_nothing_while_ticks_panic_and_goes_on_afterwards() {
    let Some(site) = Site::new() else { return };
    let mut device = site.dev_1(Version::V5);
    assert_eq!(device.subscribe("devices/dev-1/#", 0), 0);
    site.panic_in("TICK");
    site.settle();
    assert_eq!(device.publish("devices/dev-1/a", "1"), 0x87);
    assert_eq!(device.subscribe("devices/dev-1/b", 0), 0x87);
    site.panic_in("");
    site.settle();
    assert_eq!(device.subscribe("devices/dev-1/c", 0), 0);
    device.publish_qos0("devices/dev-1/a", "2");
    assert_eq!(device.receive().payload, "2");
}
