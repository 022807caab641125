//! What a client shows is worth the same in mosquitto and in the broker.

use std::fs;

use integration_tests::broker::Broker;
use integration_tests::client::{Client, Heard};
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::token_issuer::TokenIssuer;

use super::{PASSWORD, TOKEN, site};
use crate::site::Site;

/// What is shown, under which user name; each row is shown by a device of its own, so that no wrong one is in another's way.
const SHOWN: [(&str, Option<&str>); 13] = [
    ("right", None),
    ("right", Some("{name}")),
    ("right", Some("device-ca/{name}")),
    ("right", Some("service-ca/{name}")),
    ("right", Some("dev-1")),
    ("right", Some("{name} ")),
    ("wrong", None),
    ("wrong", Some("{name}")),
    ("other's", Some("{name}")),
    ("too long", Some("{name}")),
    ("empty", Some("{name}")),
    ("nothing", Some("{name}")),
    ("nothing", None),
];

/// The broker of the same fleet, by the same rules; what it remembers is its own.
fn broker(site: &Site) -> Broker {
    let text = fs::read_to_string(site.fleet.file("broker.toml")).expect("a configuration");
    let own = format!("{text}\n[state]\ndir = \"of-the-broker\"\n");
    fs::write(site.fleet.file("of-the-broker.toml"), own).expect("a configuration");
    Broker::start_with_configuration(&site.fleet, "of-the-broker.toml", 1)
}

fn outcome(heard: &Heard) -> &'static str {
    match heard {
        Heard::Packet(packet) if packet.is(Kind::ConnAck) && packet.reason_code() == 0 => "in",
        Heard::Packet(packet) if packet.is(Kind::ConnAck) => "refused",
        Heard::Closed => "closed",
        _ => "something else",
    }
}

/// The device of each cell: a row has one for each version of MQTT.
fn names() -> Vec<String> {
    (0..2 * SHOWN.len()).map(|cell| format!("cell-{cell}")).collect()
}

/// Each row, in both versions of MQTT, in mosquitto and in the broker.
fn compare(site: &Site, secret: impl Fn(&str, &str) -> Option<String>) {
    let broker = broker(site);
    let names = names();
    let mut devices = site.fleet.devices(&names.iter().map(String::as_str).collect::<Vec<_>>()).into_iter();
    let (mut names, mut met) = (names.iter(), Vec::new());
    for (what, user_name) in &SHOWN {
        for version in Version::ALL {
            let (Some(name), Some(device)) = (names.next(), devices.next()) else { panic!("one for each") };
            let mut connect = Connect::new(version, name);
            if let Some(user_name) = user_name {
                connect = connect.user_name(&user_name.replace("{name}", name));
            }
            connect = secret(what, name).into_iter().fold(connect, Connect::password);
            // MQTT 3.1.1 §3.1.2.9: no password without a user name, and nobody is asked about it.
            let is_malformed = version == Version::V311 && user_name.is_none() && *what != "nothing";
            let there = Client::attempt(broker.address(), &site.tls(&device), &connect).1;
            let here = if is_malformed {
                Client::attempt(site.mosquitto.address(), &site.tls(&device), &connect).1
            } else {
                site.answer(&device, &connect).1
            };
            let (here, there) = (outcome(&here), outcome(&there));
            assert_eq!(here, there, "{what} as {user_name:?}, {version:?}\n{}", site.log());
            met.push(here);
        }
    }
    for verdict in ["in", "refused", "closed"] {
        assert!(met.contains(&verdict), "{verdict}: {met:?}");
    }
}

#[test]
fn passwords_are_worth_the_same_to_both() {
    let Some(site) = site(PASSWORD) else { return };
    let passwords = fs::read_to_string(site.fleet.file("passwords")).expect("a password file");
    let hash = passwords.lines().next().and_then(|line| line.split_once(':')).expect("a line").1;
    let lines: String = names().iter().map(|name| format!("device-ca/{name}:{hash}\n")).collect();
    site.fleet.replace("passwords", lines.as_bytes());
    site.wait_for("second factors are verified by other files", 1);
    compare(&site, |what, _| match what {
        "right" => Some("sesame".to_owned()),
        "wrong" => Some("Sesame".to_owned()),
        "other's" => Some("sesam".to_owned()),
        "too long" => Some("x".repeat(1025)),
        "empty" => Some(String::new()),
        _ => None,
    });
}

#[test]
fn tokens_are_worth_the_same_to_both() {
    let Some(site) = site(TOKEN) else { return };
    let Some(issuer) = TokenIssuer::beside(&site.fleet) else { return };
    site.fleet.replace("jwks.json", issuer.key_set(&["a"]).as_bytes());
    site.wait_for("second factors are verified by other files", 1);
    compare(&site, |what, name| match what {
        "right" => Some(issuer.token("a", name, 3600)),
        "wrong" => Some(issuer.token("a", name, -1)),
        "other's" => Some(issuer.token("a", "dev-1", 3600)),
        "too long" => Some("x".repeat(20_000)),
        "empty" => Some(String::new()),
        _ => None,
    });
}
