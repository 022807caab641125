//! Who gets in by the certificate, what it may, and how it is cut off.

use std::fs;
use std::thread;
use std::time::SystemTime;

use integration_tests::mqtt::{Connect, Version};
use integration_tests::pki::Forger;

use crate::site::{Site, is_done, is_kicked};

/// What MQTT 5 and 3.1.1 say to whoever is not authorised.
fn not_authorised(version: Version) -> u8 {
    if version == Version::V5 { 0x87 } else { 5 }
}

#[test]
fn a_device_gets_in_by_its_certificate_and_does_what_its_policy_allows() {
    let Some(site) = Site::new() else { return };
    for version in Version::ALL {
        let mut device = site.dev_1(version);
        let denied_filter = if version == Version::V5 { 0x87 } else { 0x80 };
        assert_eq!(device.subscribe("devices/dev-1/commands/#", 1), 1);
        assert_eq!(device.subscribe("$share/group/devices/dev-1/shared", 1), 1);
        for filter in
            ["#", "+/dev-1/#", "devices/dev-2/#", "devices/+/commands", "$share/group/#", "$SYS/#", "lobby"]
        {
            assert_eq!(device.subscribe(filter, 1), denied_filter, "{filter}");
        }
        device.publish_qos0("devices/dev-1/commands/a", "to myself");
        assert_eq!(device.receive().topic, "devices/dev-1/commands/a");
        assert!(is_done(device.publish_qos2("devices/dev-1/telemetry", "1")));
        assert!(is_done(device.publish_retained("devices/dev-1/status", "online")));
        if version == Version::V5 {
            assert_eq!(device.publish("devices/dev-2/telemetry", "1"), 0x87);
            assert_eq!(device.publish("$SYS/broker/version", "1"), 0x87);
            assert!(device.is_alive());
        } else {
            // It has no way to say so: the policy says what happens.
            device.publish_qos0("devices/dev-2/telemetry", "1");
            assert!(is_kicked(&mut device), "denied-publish = disconnect");
        }
    }
    // mosquitto calls it by its identity.
    site.wait_for("as dev-1 (p5, c1, k60, u'dev-1')", 1);
}

#[test]
fn another_client_id_or_a_certificate_of_a_stranger_is_refused_and_the_log_says_why() {
    let Some(site) = Site::new() else { return };
    for version in Version::ALL {
        for (credential, client_id) in
            [(&site.device, "dev-2"), (&site.other, "dev-1"), (&site.device, "dev-1/a")]
        {
            let code = site
                .refused(credential, &Connect::new(version, client_id).user_name(client_id).password("a"));
            assert_eq!(code, not_authorised(version), "{client_id}");
        }
        // mosquitto makes one up, which is not the device's.
        site.refused(&site.device, &Connect::new(version, "").without_id());
    }
    site.wait_for("client_id_mismatch", 8);
    // OpenSSL knows its CA, and the plugin's trust does not: it trusts the issuing CA alone.
    let by_root = Forger::with_root_key_of(&site.fleet, "device-ca").certificate("dev-1");
    assert_eq!(site.refused(&by_root, &Connect::new(Version::V5, "dev-1")), 0x87);
    site.wait_for("unknown_ca", 1);
}

#[test]
fn a_name_that_would_be_more_than_one_topic_level_is_nobodys() {
    let Some(site) = Site::new() else { return };
    let forger = Forger::with_key_of(&site.fleet, "device-ca");
    for name in ["dev-1/a", "#", "+", "$SYS", "", " ", "a\0b", "ü"] {
        let credential = forger.certificate(name);
        assert_eq!(site.refused(&credential, &Connect::new(Version::V5, "dev-1")), 0x87, "{name:?}");
    }
    site.wait_for("unmapped_identity", 8);
}

#[test]
fn whoever_is_revoked_is_cut_off_and_does_not_come_back() {
    let Some(site) = Site::new() else { return };
    for (credential, id, version) in
        [(&site.device, "dev-1", Version::V311), (&site.other, "dev-2", Version::V5)]
    {
        let mut client = site.connect(credential, &Connect::new(version, id));
        let bystander = (id == "dev-1").then(|| site.connect(&site.other, &Connect::new(version, "dev-2")));
        assert!(is_done(client.publish(&format!("devices/{id}/telemetry"), "1")));
        let cut_off = thread::scope(|scope| {
            let listening = scope.spawn(|| is_kicked(&mut client).then(SystemTime::now));
            site.fleet.revoke(id);
            listening.join().expect("it listens").expect("it is kicked")
        });
        let list = fs::metadata(site.fleet.file("crl/device-ca.crl")).expect("a list");
        let published = list.modified().expect("a time");
        println!("{id}: from list to close {:?}", cut_off.duration_since(published).unwrap_or_default());
        if let Some(mut bystander) = bystander {
            assert!(bystander.is_alive());
        }
        assert_eq!(site.refused(credential, &Connect::new(version, id)), not_authorised(version));
    }
    site.wait_for("revoked", 4);
}

#[test]
fn the_session_of_a_suspended_device_gets_no_message_and_leaves_no_will() {
    let Some(site) = Site::new() else { return };
    let mut other = site.connect(&site.other, &Connect::new(Version::V5, "dev-2"));
    assert_eq!(other.subscribe("board/dev-1", 0), 0);
    for version in Version::ALL {
        let persistent = Connect::new(version, "dev-1").persistent();
        let mut device = site.connect(&site.device, &persistent.clone().will("board/dev-1", "gone"));
        assert_eq!(device.subscribe("board/#", 1), 1);
        site.fleet.suspend("dev-1");
        assert!(is_kicked(&mut device));
        assert!(is_done(other.publish("board/dev-2", "while it may not")), "{version:?}");
        assert_eq!(site.refused(&site.device, &persistent), not_authorised(version));
        site.fleet.resume("dev-1");
        site.settle();
        let mut device = site.connect(&site.device, &persistent);
        assert_eq!(device.subscribe("board/#", 1), 1, "nothing has come before");
        device.disconnect();
        assert!(is_done(other.publish("board/dev-2", "while it is away")));
        let mut device = site.connect(&site.device, &persistent);
        assert_eq!(device.receive().payload, "while it is away", "{version:?}");
        device.disconnect();
    }
    assert!(other.is_alive(), "it has heard of no will");
}
