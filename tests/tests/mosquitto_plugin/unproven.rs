//! Clients of whom nothing is proven: nobody under `enforce`, and what a policy says under `permissive`.

use std::time::Duration;

use integration_tests::client::{Client, Heard, Tls};
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::pki::Forger;

use crate::site::{MUTUAL, Site};

const OPTIONAL: &str = "require_certificate false\n";

fn attempt(site: &Site, connect: &Connect) -> (Option<Client>, u8) {
    let nobody = Tls::new(&site.fleet, None);
    match Client::attempt(site.mosquitto.address(), &nobody, connect) {
        (client, Heard::Packet(connack)) if connack.is(Kind::ConnAck) => (client, connack.reason_code()),
        (_, other) => panic!("{other:?}"),
    }
}

#[test]
fn whoever_shows_no_certificate_is_refused() {
    let Some(site) = Site::with_listeners([OPTIONAL], "") else { return };
    for (version, code) in [(Version::V311, 5), (Version::V5, 0x87)] {
        for connect in [
            Connect::new(version, "dev-1"),
            Connect::new(version, "dev-1").user_name("dev-1").password("dev-1"),
            Connect::new(version, "").without_id(),
        ] {
            assert_eq!(attempt(&site, &connect).1, code);
        }
    }
    site.wait_for("no_certificate", 6);
    // A listener that requires no certificate does not ask for one.
    site.refused(&site.device, &Connect::new(Version::V5, "dev-1"));
    site.wait_for("no_certificate", 7);
}

/// In the broker they would be given client ids of their own, which mosquitto does not let a plugin do.
#[test]
fn whoever_shows_no_certificate_is_refused_though_a_policy_would_let_it_in() {
    let Some(site) = Site::with_listeners([OPTIONAL], "plugin_opt_mode permissive\n") else { return };
    for client_id in ["visitor", "dev-1", "anonymous-0000000000000000"] {
        assert_eq!(attempt(&site, &Connect::new(Version::V5, client_id)).1, 0x87);
    }
    site.wait_for("mosquitto lets nobody change it", 3);
}

#[test]
fn a_permissive_policy_says_what_whoever_proves_nothing_may() {
    let Some(site) = Site::with_listeners([MUTUAL], "plugin_opt_mode permissive\n") else { return };
    // OpenSSL trusts its CA, and the plugin does not.
    let visitor = Forger::with_root_key_of(&site.fleet, "device-ca").certificate("dev-1");
    let digest = ring::digest::digest(&ring::digest::SHA256, &visitor.chain()[0]);
    let name: String = digest.as_ref().iter().take(8).map(|octet| format!("{octet:02x}")).collect();
    let name = format!("unverified-{name}");
    let mut client = site.connect(&visitor, &Connect::new(Version::V5, &name));
    assert_eq!(client.subscribe("lobby", 0), 0);
    client.publish_qos0("lobby", "hello");
    assert_eq!(client.receive().payload, "hello");
    assert_eq!(client.publish("devices/dev-1/a", "1"), 0x87);
    assert_eq!(client.publish_retained("lobby", "for ever"), 0x87);
    site.wait_for(&format!("u'{name}'"), 1);
    let own = format!("{name}/second");
    assert_eq!(site.refused(&visitor, &Connect::new(Version::V5, "dev-1")), 0x87);
    assert_eq!(site.refused(&visitor, &Connect::new(Version::V5, &own).persistent()), 0x87);
    drop(site.connect(&visitor, &Connect::new(Version::V5, &own).will("lobby", "a will")));
    assert_eq!(client.hear(Duration::from_secs(1)), Heard::Silence, "no will of theirs");
    assert!(client.is_alive());
}
