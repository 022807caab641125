//! SIGHUP: mosquitto asks about every session it has, and those that may go on do.

use integration_tests::client::Client;
use integration_tests::mqtt::{Connect, Version};

use crate::site::{Site, is_done, is_kicked};

#[test]
fn sessions_outlive_a_reload_connected_or_not() {
    let Some(mut site) = Site::new() else { return };
    for version in Version::ALL {
        let persistent = Connect::new(version, "dev-2").persistent();
        let mut waiting = site.connect(&site.other, &persistent);
        assert_eq!(waiting.subscribe("devices/dev-2/status", 1), 1);
        waiting.disconnect();
        let mut device = site.dev_1(version);
        assert_eq!(device.subscribe("devices/dev-1/#", 0), 0);
        site.settle();
        for _ in 0..3 {
            site.mosquitto.reload();
            site.settle();
        }
        device.publish_qos0("devices/dev-1/a", "1");
        assert_eq!(device.receive().payload, "1", "{}", site.log());
        let with_will = persistent.clone().will("devices/dev-2/status", "gone");
        let (again, connack) =
            Client::connect_and_connack(site.mosquitto.address(), &site.tls(&site.other), &with_will);
        assert!(connack.session_present(), "{version:?}");
        drop(again);
        site.settle();
        let mut again = site.connect(&site.other, &persistent);
        assert_eq!(again.receive().payload, "gone", "{version:?}");
        again.disconnect();
        device.disconnect();
    }
    assert!(site.mosquitto.is_running());
}

#[test]
fn a_reload_finds_who_may_not_go_on() {
    let Some(site) = Site::new() else { return };
    let (mut device, mut other) =
        (site.dev_1(Version::V5), site.connect(&site.other, &Connect::new(Version::V5, "dev-2")));
    assert!(device.is_alive() && other.is_alive());
    site.fleet.revoke("dev-1");
    site.mosquitto.reload();
    assert!(is_kicked(&mut device));
    assert!(is_done(other.publish("devices/dev-2/a", "1")));
}
