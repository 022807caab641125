//! Wills: published where the policy allows it, whenever mosquitto does.

use std::time::Duration;

use integration_tests::client::{Heard, PATIENCE};
use integration_tests::mqtt::{Connect, Version};

use crate::site::{Site, is_done};

/// `dev-1` leaves a will and loses its connection; what `dev-2` hears of it within `patience`.
fn heard_of_will(site: &Site, connect: &Connect, patience: Duration) -> Option<String> {
    let mut witness = site.connect(&site.other, &Connect::new(Version::V5, "dev-2"));
    for filter in ["board/#", "devices/dev-2/#"] {
        assert_eq!(witness.subscribe(filter, 0), 0);
    }
    drop(site.connect(&site.device, connect));
    match witness.hear(patience) {
        Heard::Packet(packet) => Some(packet.message().payload),
        Heard::Silence => None,
        other => panic!("{other:?}"),
    }
}

const SOON: Duration = Duration::from_millis(700);

#[test]
fn a_will_is_published_where_the_policy_allows_it() {
    let Some(site) = Site::new() else { return };
    for version in Version::ALL {
        for connect in [Connect::new(version, "dev-1"), Connect::new(version, "dev-1").persistent()] {
            let heard = heard_of_will(&site, &connect.clone().will("board/dev-1", "gone"), PATIENCE);
            assert_eq!(heard.as_deref(), Some("gone"), "{version:?}");
            for topic in ["board/dev-2", "devices/dev-2/a"] {
                assert_eq!(
                    heard_of_will(&site, &connect.clone().will(topic, "gone"), SOON),
                    None,
                    "{version:?}"
                );
            }
        }
    }
}

#[test]
fn a_delayed_will_is_published_after_the_connection_has_long_ended() {
    let Some(site) = Site::new() else { return };
    let connect = Connect::new(Version::V5, "dev-1").persistent();
    let delayed = |topic| connect.clone().delayed_will(topic, "gone", 1);
    assert_eq!(heard_of_will(&site, &delayed("board/dev-1"), SOON), None, "not yet");
    assert_eq!(heard_of_will(&site, &delayed("board/dev-1"), PATIENCE).as_deref(), Some("gone"));
    assert_eq!(heard_of_will(&site, &delayed("board/dev-2"), Duration::from_secs(3)), None);
}

#[test]
fn a_delayed_will_of_a_device_that_is_revoked_meanwhile_is_not_published() {
    let Some(site) = Site::new() else { return };
    let mut witness = site.connect(&site.other, &Connect::new(Version::V5, "dev-2"));
    assert_eq!(witness.subscribe("board/#", 0), 0);
    let connect = Connect::new(Version::V5, "dev-1").persistent().delayed_will("board/dev-1", "gone", 3);
    drop(site.connect(&site.device, &connect));
    site.fleet.revoke("dev-1");
    assert_eq!(witness.hear(Duration::from_secs(5)), Heard::Silence);
}

#[test]
fn whoever_is_taken_over_by_itself_has_its_will() {
    let Some(site) = Site::new() else { return };
    for version in Version::ALL {
        let mut witness = site.connect(&site.other, &Connect::new(Version::V5, "dev-2"));
        assert_eq!(witness.subscribe("board/#", 0), 0);
        let connect = Connect::new(version, "dev-1");
        let _first = site.connect(&site.device, &connect.clone().will("board/dev-1", "taken over"));
        let mut second = site.connect(&site.device, &connect);
        assert_eq!(witness.receive().payload, "taken over");
        assert!(is_done(second.publish("devices/dev-1/a", "1")));
    }
}
