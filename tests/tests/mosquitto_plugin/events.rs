//! Events: what the plugin tells of connections, and that it is what the broker tells.

use integration_tests::client::Client;
use integration_tests::mqtt::{Connect, DISCONNECT, Version};
use serde_json::Value;

use crate::broker_beside::{Both, Host, with_both};

/// What differs between any two connections, or hosts: mosquitto tells neither ports nor why a connection has ended.
const OWN: [&str; 3] = ["peer", "decision_id", "note"];

/// The next event: its topic, and what it says but for [`OWN`], of which it says that it is there.
#[track_caller]
fn next(listener: &mut Client) -> (String, Value) {
    let message = listener.receive();
    let mut event: Value = serde_json::from_str(&message.payload).expect("JSON");
    for key in OWN {
        event[key] = if event[key].is_null() { Value::Null } else { "there".into() };
    }
    (message.topic, event)
}

/// What becomes of `dev-1` on one of the hosts, as a service hears it.
fn heard_on(both: &Both, host: Host) -> Vec<(String, Value)> {
    let mut backend = both.connect(host, &both.service, &Connect::new(Version::V5, "backend"));
    assert!(backend.subscribe("countersign/events/device-ca/#", 1) < 0x80);
    let mut heard = Vec::new();
    let dev_1 = Connect::new(Version::V5, "dev-1");

    let mut device = both.connect(host, &both.site.device, &dev_1);
    heard.push(next(&mut backend));
    device.send(&DISCONNECT);
    heard.push(next(&mut backend));
    // Proven, and refused for what it asks.
    both.refused(host, &both.site.device, &Connect::new(Version::V5, "dev-10"));
    heard.push(next(&mut backend));
    // Closed by an operator.
    let kicked = both.connect(host, &both.site.device, &dev_1);
    heard.push(next(&mut backend));
    assert_eq!(both.operate(host, "kick", &["dev-1"]).code, 0);
    heard.push(next(&mut backend));
    drop(kicked);
    heard
}

#[test]
fn the_plugin_tells_what_the_broker_tells_key_by_key() {
    let Some(both) = with_both("countersign/events/#") else { return };
    let [plugin, broker] = Host::BOTH.map(|host| heard_on(&both, host));
    let told: Vec<_> = plugin.iter().map(|(_, event)| event["event"].as_str().expect("a word")).collect();
    assert_eq!(told, ["connected", "disconnected", "refused", "connected", "disconnected"]);
    for (plugin, broker) in plugin.iter().zip(&broker) {
        assert_eq!(plugin, broker);
    }
    assert_eq!(plugin.len(), broker.len());
    assert_eq!(plugin[2].1["reason"], "client_id_mismatch");

    // Cut off, of both at once.
    let mut there = Host::BOTH.map(|host| {
        let mut backend = both.connect(host, &both.service, &Connect::new(Version::V5, "backend"));
        assert!(backend.subscribe("countersign/events/#", 1) < 0x80);
        let device = both.connect(host, &both.site.device, &Connect::new(Version::V5, "dev-1"));
        while next(&mut backend).0 != "countersign/events/device-ca/dev-1/connected" {}
        (backend, device)
    });
    both.site.fleet.revoke("dev-1");
    let [plugin, broker] = there.each_mut().map(|(backend, _)| next(backend));
    assert_eq!(plugin, broker);
    assert_eq!((&plugin.1["event"], &plugin.1["reason"]), (&"disconnected".into(), &"revoked".into()));

    // A stranger is one of a sum, by network and reason.
    for host in Host::BOTH {
        both.refused(host, &both.site.device, &Connect::new(Version::V5, "dev-1"));
    }
    let [plugin, broker] = there.each_mut().map(|(backend, _)| next(backend));
    assert_eq!(plugin, broker);
    assert_eq!(plugin.0, "countersign/events/-/-/refused");
    assert_eq!((&plugin.1["network"], &plugin.1["count"]), (&"127.0.0.0/24".into(), &1.into()));
}

#[test]
fn nobody_else_publishes_there_and_no_wildcard_stands_for_it() {
    let Some(both) = with_both("#") else { return };
    let mut backend = both.connect(Host::Mosquitto, &both.service, &Connect::new(Version::V5, "backend"));
    // Its policy lets it publish and subscribe to everything, which is not to events.
    assert!(backend.subscribe("#", 1) < 0x80);
    let _device = both.site.dev_1(Version::V5);
    for topic in ["countersign/events/device-ca/dev-1/connected", "countersign", "countersign/x"] {
        assert_eq!(backend.publish(topic, "forged"), 0x87, "{topic}");
    }
    assert!(backend.subscribe("$share/g/countersign/events/#", 1) >= 0x80);
    // Some ticks pass, in which the connection is told of.
    both.site.settle();
    backend.publish_qos0("anything/else", "1");
    let heard = backend.receive();
    assert_eq!(heard.topic, "anything/else", "{}", heard.payload);
}

#[test]
fn every_decision_is_in_mosquittos_log_under_the_id_that_operators_see() {
    let Some(both) = with_both("countersign/events/#") else { return };
    let _device = both.site.dev_1(Version::V5);
    let sessions = both.operate(Host::Mosquitto, "sessions", &["--json"]).json();
    let id = sessions[0]["decision_id"].as_str().expect("an id");
    both.site.wait_for(&format!("decision event=connect outcome=allowed decision_id={id} identity=dev-1"), 1);
    both.refused(Host::Mosquitto, &both.site.device, &Connect::new(Version::V5, "dev-10"));
    both.site.wait_for("decision event=connect outcome=refused", 1);
    both.site.wait_for("reason=client_id_mismatch", 1);
}
