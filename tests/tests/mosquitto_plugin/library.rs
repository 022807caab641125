//! The library itself: who gets in by the `broker.toml` of a fleet; and nobody, where there are no rules.

use std::fs;

use integration_tests::mqtt::{Connect, Version};

use crate::site::{Site, is_done, is_kicked};

#[test]
fn nobody_gets_in_without_rules_and_the_log_says_why() {
    let config = |path: &str| format!("plugin_opt_config {path}\n");
    let twice = format!("{}{}", config("/a"), config("/b"));
    for (options, reason) in [
        (String::new(), "has no `plugin_opt_config`"),
        (config("/nowhere/broker.toml"), "/nowhere/broker.toml"),
        (twice, "has `plugin_opt_config` twice"),
        (config("FLEET/broken.toml"), "broken.toml:1"),
        (config("FLEET/two.toml"), "mosquitto cannot have rules for several listeners"),
    ] {
        let Some(mut site) = Site::with_library(|fleet| {
            fleet.replace("broken.toml", b"[[listener");
            let rules = fs::read_to_string(fleet.file("broker.toml")).expect("a configuration");
            let second = "\n[[listener]]\naddress = \"127.0.0.1:0\"\n";
            fleet.replace("two.toml", (rules + second).as_bytes());
            options.replace("FLEET", &fleet.directory().display().to_string())
        }) else {
            return;
        };
        site.wait_for("countersign: nobody gets in: ", 1);
        assert!(site.log().contains(reason), "{reason}\n{}", site.log());
        for version in Version::ALL {
            site.refused(&site.device, &Connect::new(version, "dev-1"));
        }
        site.mosquitto.reload();
        site.settle();
        site.refused(&site.device, &Connect::new(Version::V5, "dev-1"));
        assert!(site.mosquitto.is_running());
        assert!(site.mosquitto.end().success());
    }
}

#[test]
fn a_fleet_gets_in_by_its_broker_toml_and_a_stolen_device_is_cut_off() {
    let Some(site) = Site::by_broker_toml() else { return };
    let mut others = Vec::new();
    for version in Version::ALL {
        let mut device = site.dev_1(version);
        assert_eq!(device.subscribe("devices/dev-1/commands/#", 1), 1);
        assert!(device.subscribe("devices/dev-2/commands/#", 1) >= 0x80);
        assert!(is_done(device.publish("devices/dev-1/telemetry/a", "1")));
        site.refused(&site.other, &Connect::new(version, "dev-1"));
        device.disconnect();
        others.push(site.connect(&site.other, &Connect::new(version, "dev-2")));
        if version == Version::V5 {
            continue;
        }
        others.remove(0).disconnect();
    }
    let mut stolen = site.dev_1(Version::V5);
    site.fleet.revoke("dev-1");
    assert!(is_kicked(&mut stolen));
    site.wait_for("revocation list of CN=Device Issuing CA", 1);
    for version in Version::ALL {
        site.refused(&site.device, &Connect::new(version, "dev-1"));
    }
    assert!(others.iter_mut().all(|other| other.is_alive()), "nobody else");
}

#[test]
fn a_reload_puts_a_whole_configuration_in_force_or_nothing() {
    let Some(site) = Site::by_broker_toml() else { return };
    let mut device = site.dev_1(Version::V5);
    let good = fs::read_to_string(site.fleet.file("broker.toml")).expect("a configuration");
    for broken in ["", "[[listener", &good.replace("policy", "polizei"), &good[..good.len() / 2]] {
        site.fleet.replace("broker.toml", broken.as_bytes());
        let before = site.log().matches("the present ones stay in force").count();
        site.mosquitto.reload();
        site.wait_for("the present ones stay in force", before + 1);
        assert!(device.is_alive());
        assert!(is_done(device.publish("devices/dev-1/telemetry/a", "as before")));
    }
    let denying = good.replacen("action = \"allow\"", "action = \"deny\"", 1);
    assert_ne!(denying, good);
    site.fleet.replace("broker.toml", denying.as_bytes());
    site.mosquitto.reload();
    assert!(is_kicked(&mut device), "{}", site.log());
    site.refused(&site.device, &Connect::new(Version::V5, "dev-1"));
    site.fleet.replace("broker.toml", good.as_bytes());
    site.mosquitto.reload();
    site.wait_for("the rules were read again", 2);
    assert!(site.dev_1(Version::V5).is_alive());
}
