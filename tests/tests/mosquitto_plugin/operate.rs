//! The operator's commands, put to the plugin as to the broker.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use integration_tests::broker::operate;
use integration_tests::mqtt::{Connect, Version};
use serde_json::Value;

use crate::broker_beside::{Host, with_both};
use crate::site::{Site, is_done, is_kicked};

/// Where the plugin answers, in a fleet directory.
const SOCKET: &str = "broker/admin.sock";

/// The keys of a document, as `a.b`; what is in a list counts together.
fn keys(document: &Value, prefix: &str, found: &mut BTreeSet<String>) {
    match document {
        Value::Object(object) => {
            for (key, value) in object {
                let key = format!("{prefix}.{key}");
                keys(value, &key, found);
                found.insert(key);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| keys(value, prefix, found)),
        _ => {}
    }
}

/// What the plugin does not have, or counts less of.
fn is_of_broker_alone(key: &str) -> bool {
    key.starts_with(".counters.") || key.starts_with(".listeners.server_certificate.")
}

#[test]
fn each_command_answers_in_the_shape_that_the_broker_has() {
    let Some(both) = with_both("countersign/events/#") else { return };
    let connect = Connect::new(Version::V5, "dev-1");
    let device = Host::BOTH.map(|host| both.connect(host, &both.site.device, &connect));
    let certificate = both.site.device.certificate.display().to_string();
    for (command, args) in [
        ("status", vec!["--json"]),
        ("sessions", vec!["--json"]),
        ("explain", vec!["--id", "dev-1", "--publish", "devices/dev-1/telemetry/a", "--json"]),
        ("explain", vec!["--cert", &certificate, "--subscribe", "devices/dev-2/#", "--json"]),
        ("reload", vec!["--json"]),
        ("kick", vec!["dev-1", "--json"]),
    ] {
        let answers = Host::BOTH.map(|host| both.operate(host, command, &args));
        assert_eq!(answers[0].code, answers[1].code, "{command}: {answers:?}");
        let [plugin, broker] = answers.map(|answer| {
            let mut found = BTreeSet::new();
            keys(&answer.json(), "", &mut found);
            assert!(!found.is_empty(), "{command}");
            found
        });
        let only_there: Vec<_> = broker.difference(&plugin).filter(|key| !is_of_broker_alone(key)).collect();
        assert!(only_there.is_empty(), "{command}: {only_there:?}");
        let only_here: Vec<_> = plugin.difference(&broker).collect();
        assert!(only_here.is_empty(), "{command}: {only_here:?}");
    }
    drop(device);
}

#[test]
fn a_status_shows_what_there_is_and_nothing_that_there_is_not() {
    let Some(site) = Site::by_broker_toml() else { return };
    let mode = fs::metadata(site.fleet.file(SOCKET)).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut device = site.dev_1(Version::V5);
    assert!(!is_done(device.publish("devices/dev-2/telemetry", "1")));
    site.refused(&site.other, &Connect::new(Version::V5, "dev-1"));
    site.settle();
    let status = operate(&site.fleet, "status", &["--json"]).json();
    for (pointer, value) in [
        ("/engine", "mosquitto".into()),
        ("/sessions", 1.into()),
        ("/counters/connects", 1.into()),
        ("/counters/connects_refused", 1.into()),
        ("/counters/publishes_denied", 1.into()),
        ("/retained_messages", Value::Null),
        ("/queued_bytes", Value::Null),
        ("/listeners/0/server_certificate", Value::Null),
        ("/listeners/0/mode", "enforce".into()),
        ("/listeners/0/trusts/0/crls/0/freshness", "current".into()),
    ] {
        assert_eq!(status.pointer(pointer), Some(&value), "{pointer} {status}");
    }
    let page = operate(&site.fleet, "status", &[]).stdout_of_success();
    assert!(page.contains("mosquitto (running)") && page.contains("revocation list"), "{page}");
    assert!(!page.contains("retained") && !page.contains("queued"), "{page}");
    let table = operate(&site.fleet, "sessions", &[]).stdout_of_success();
    assert!(
        table.contains("dev-1") && table.contains("127.0.0.1 ") && table.contains("1 session(s)"),
        "{table}"
    );
    device.disconnect();
}

#[test]
fn a_kick_ends_a_session_within_a_second_and_nobody_elses() {
    let Some(site) = Site::by_broker_toml() else { return };
    for version in Version::ALL {
        for name in ["dev-1", "device-ca/dev-1"] {
            let mut device = site.dev_1(version);
            let mut other = site.connect(&site.other, &Connect::new(version, "dev-2"));
            let begin = Instant::now();
            let kicked = operate(&site.fleet, "kick", &[name, "--json"]).json();
            assert!(is_kicked(&mut device));
            assert!(begin.elapsed() < Duration::from_secs(3), "the command and its process included");
            assert_eq!(kicked["sessions"], 1);
            assert!(other.is_alive());
            other.disconnect();
            assert!(site.dev_1(version).is_alive(), "it may come back");
        }
    }
    assert_eq!(operate(&site.fleet, "kick", &["nobody"]).code, operate(&site.fleet, "kick", &["dev-9"]).code);
    assert!(operate(&site.fleet, "kick", &["nobody"]).stderr.contains("has no session"));
}

#[test]
fn a_session_that_waits_is_closed_too_and_nothing_is_kept_for_it() {
    let Some(site) = Site::by_broker_toml() else { return };
    let persistent = Connect::new(Version::V311, "dev-1").persistent();
    let mut device = site.connect(&site.device, &persistent);
    assert_eq!(device.subscribe("devices/dev-1/commands/#", 1), 1);
    device.disconnect();
    site.settle();
    let listed = operate(&site.fleet, "sessions", &["--json"]).json();
    assert_eq!((&listed[0]["client_id"], &listed[0]["connected"]), (&"dev-1".into(), &false.into()));
    assert_eq!(operate(&site.fleet, "kick", &["dev-1", "--json"]).json()["sessions"], 1);
    assert_eq!(operate(&site.fleet, "sessions", &["--json"]).json(), Value::Array(Vec::new()));
}

#[test]
fn an_explanation_is_what_happens_to_the_client() {
    let Some(site) = Site::by_broker_toml() else { return };
    let certificate = site.device.certificate.display().to_string();
    let explain = |args: &[&str]| {
        operate(&site.fleet, "explain", &[&["--cert", &certificate, "--json"], args].concat()).json()["running"].take()
    };
    let mut device = site.dev_1(Version::V5);
    for (topic, is_allowed) in [
        ("devices/dev-1/telemetry/a", true),
        ("devices/dev-2/telemetry/a", false),
        ("countersign/x", false),
        ("$SYS/x", false),
    ] {
        let explanation = explain(&["--client-id", "dev-1", "--publish", topic]);
        assert_eq!(explanation["allowed"], is_allowed, "{explanation}");
        assert_eq!(is_done(device.publish(topic, "1")), is_allowed, "{topic}");
    }
    let by_name = operate(&site.fleet, "explain", &["--id", "dev-1", "--json"]).json();
    let by_name = &by_name["running"];
    assert_eq!((&by_name["allowed"], &by_name["identity"]), (&true.into(), &"dev-1".into()), "{by_name}");
    let other_id = explain(&["--client-id", "dev-2"]);
    assert_eq!(other_id["reason"], "client_id_mismatch", "{other_id}");
    site.refused(&site.device, &Connect::new(Version::V5, "dev-2"));
    site.fleet.revoke("dev-1");
    assert!(is_kicked(&mut device));
    let revoked = explain(&["--client-id", "dev-1"]);
    assert_eq!((&revoked["allowed"], &revoked["reason"]), (&false.into(), &"revoked".into()), "{revoked}");
    site.refused(&site.device, &Connect::new(Version::V5, "dev-1"));
}

#[test]
fn a_reload_of_a_broken_configuration_says_why_and_changes_nothing() {
    let Some(site) = Site::by_broker_toml() else { return };
    let mut device = site.dev_1(Version::V5);
    let good = fs::read_to_string(site.fleet.file("broker.toml")).expect("a configuration");
    for (broken, why) in [
        ("[[listener".to_owned(), "broker.toml:1"),
        (good.replacen("[[policy]]", "[[polizei]]", 1), "polizei"),
        (format!("{good}\n[state]\nadmin-group = \"root\"\n"), "needs a restart: [state]"),
    ] {
        site.fleet.replace("broker.toml", broken.as_bytes());
        let refused = operate(&site.fleet, "reload", &[]);
        assert!(refused.code == 3 && refused.stderr.contains(why), "{why}: {refused:?}");
        let status = operate(&site.fleet, "status", &["--json"]).json();
        assert!(status["reload_refused"].as_str().is_some_and(|text| text.contains(why)), "{status}");
        assert!(is_done(device.publish("devices/dev-1/telemetry/a", "as before")));
    }
    site.fleet.replace("broker.toml", good.as_bytes());
    assert!(operate(&site.fleet, "reload", &[]).stdout_of_success().contains("nothing had changed"));
    let denying = good.replacen("action = \"allow\"", "action = \"deny\"", 1);
    site.fleet.replace("broker.toml", denying.as_bytes());
    assert!(operate(&site.fleet, "reload", &[]).stdout_of_success().contains("reloaded"));
    assert!(is_kicked(&mut device));
    assert_eq!(operate(&site.fleet, "status", &["--json"]).json()["reload_refused"], Value::Null);
}
