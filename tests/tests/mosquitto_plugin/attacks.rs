//! Attacks on mosquitto with the library: it stays up, nobody unproven gets in, and those who are in stay.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use integration_tests::client::{Client, Heard, PATIENCE};
use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{self, Connect, Kind, Version};
use integration_tests::pki::Forger;

use crate::site::{Site, is_done};

/// mosquitto by a `broker.toml` in which devices and services may have any client id, and topics of their own.
fn site() -> Option<Site> {
    Site::with_library(|fleet| {
        fleet.replace("broker.toml", configuration().as_bytes());
        format!("plugin_opt_config {}\n", fleet.file("broker.toml").display())
    })
}

fn configuration() -> String {
    let trust = |name: &str| {
        format!(
            "[[listener.trust]]\nname = \"{name}\"\nanchors = [\"{name}/issuing.pem\"]\ncrl = [\"crl/{name}.crl\"]\n"
        )
    };
    let policy = |name: &str| {
        format!(
            "[[policy]]\nname = \"{name}\"\nmatch = {{ trust = \"{name}\" }}\naction = \"allow\"\nclient-id = \"free\"\n\
             publish = [\"{name}/{{device-id}}/#\"]\nsubscribe = [\"{name}/{{device-id}}/#\"]\n"
        )
    };
    format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\nserver-cert = \"broker/cert.pem\"\nserver-key = \"broker/key.pem\"\n\
         {}{}[state]\ndir = \"state\"\n[identity]\ndevice-id = \"{{CN}}\"\n{}{}",
        trust("device-ca"),
        trust("service-ca"),
        policy("device-ca"),
        // A service has no device id.
        policy("service-ca").replace("{device-id}", "all")
    )
}

/// Whether somebody who shows this is let in under this client id.
fn gets_in(site: &Site, credential: &Credential, connect: &Connect) -> bool {
    match Client::attempt(site.mosquitto.address(), &site.tls(credential), connect).1 {
        Heard::Packet(packet) => packet.is(Kind::ConnAck) && packet.reason_code() == 0,
        _ => false,
    }
}

/// Publishes to the device's own topic.
fn publishes(client: &mut Client, device: &str) -> bool {
    is_done(client.publish(&format!("device-ca/{device}/a"), "1"))
}

#[test]
fn nobody_takes_a_client_id_of_another_identity_or_namespace() {
    let Some(site) = site() else { return };
    let namesake = Forger::with_key_of(&site.fleet, "service-ca").certificate("dev-1");
    for version in Version::ALL {
        let persistent = Connect::new(version, "shared").persistent();
        let mut device = site.connect(&site.device, &persistent);
        for thief in [&site.other, &namesake] {
            for connect in [Connect::new(version, "shared"), persistent.clone()] {
                assert!(!gets_in(&site, thief, &connect), "{version:?}");
                assert!(!gets_in(&site, thief, &connect.clone().user_name("dev-1").password("dev-1")));
                assert!(publishes(&mut device, "dev-1"), "{version:?}: it was not taken over");
            }
        }
        device.disconnect();
        site.settle();
        for thief in [&site.other, &namesake] {
            assert!(!gets_in(&site, thief, &persistent), "{version:?}: the session waits for its own");
        }
        let mut device = site.connect(&site.device, &Connect::new(version, "shared"));
        assert!(publishes(&mut device, "dev-1"));
        device.disconnect();
        site.settle();
    }
}

#[test]
fn names_that_would_be_topics_or_are_beyond_all_measure_are_nobodys() {
    let Some(mut site) = site() else { return };
    let forger = Forger::with_key_of(&site.fleet, "device-ca");
    let long = "a".repeat(65_536);
    let names = ["a/b", "/", "#", "+", "a#", "+a", "$SYS", "a\0", "\0", "\u{1}", "\u{1b}[2J", "\n", "\u{9b}"];
    for name in names.into_iter().chain(["", " ", "dev-1 ", "\u{202e}1-ved", &long[..129], &long]) {
        let credential = forger.certificate(name);
        for client_id in ["dev-1", "x"] {
            let is_in = gets_in(&site, &credential, &Connect::new(Version::V5, client_id));
            assert!(!is_in, "{:?}", &name[..name.len().min(40)]);
        }
    }
    assert!(site.mosquitto.is_running());
    assert!(publishes(&mut site.dev_1(Version::V5), "dev-1"));
    assert!(!site.log().contains('\u{1b}'), "nothing that controls a terminal");
}

fn resident_kilobytes(site: &Site) -> u64 {
    let status =
        fs::read_to_string(format!("/proc/{}/status", site.mosquitto.process_id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn a_thousand_strangers_leave_nothing_behind() {
    let Some(site) = site() else { return };
    let mut device = site.dev_1(Version::V5);
    // OpenSSL trusts their CA, and the rules do not.
    let forger = Forger::with_root_key_of(&site.fleet, "device-ca");
    let strangers: Vec<_> = (0..1000).map(|number| forger.certificate(&format!("dev-{number}"))).collect();
    let come = |strangers: &[Credential]| {
        for (number, stranger) in strangers.iter().enumerate() {
            let connect = Connect::new(Version::ALL[number % 2], &format!("dev-{number}"));
            assert!(!gets_in(&site, stranger, &connect), "{number}");
        }
    };
    come(&strangers[..100]);
    let before = resident_kilobytes(&site);
    thread::scope(|scope| {
        let (first, second) = strangers[100..].split_at(450);
        scope.spawn(|| come(first));
        scope.spawn(|| come(second));
        for _ in 0..100 {
            assert!(publishes(&mut device, "dev-1"));
        }
    });
    let after = resident_kilobytes(&site);
    assert!(after < before + 2048, "{before} kB before, {after} kB after");
    site.wait_for("is refused: unknown_ca", 1000);
}

/// What is put in the place of files while clients publish.
fn broken_files(fleet: &Fleet) -> Vec<(&'static str, Vec<u8>)> {
    let read = |name| fs::read(fleet.file(name)).expect("a file");
    let (rules, list) = (read("broker.toml"), read("crl/device-ca.crl"));
    let denying_everything = [&rules[..], b"\n[[policy]]\nname = "].concat();
    vec![
        ("broker.toml", Vec::new()),
        ("broker.toml", rules[..rules.len() / 2].to_vec()),
        ("broker.toml", denying_everything),
        ("broker.toml", b"\xff\xfe\0".repeat(1000)),
        ("crl/device-ca.crl", Vec::new()),
        ("crl/device-ca.crl", list[..list.len() / 2].to_vec()),
        ("crl/device-ca.crl", b"\x30\x84\xff\xff\xff\xff".repeat(10_000)),
        ("crl/device-ca.crl", read("crl/service-ca.crl")),
    ]
}

#[test]
fn broken_files_swapped_in_under_load_let_nobody_in_and_end_no_session() {
    let Some(mut site) = site() else { return };
    let ids: Vec<_> = (0..50).map(|number| format!("load-{number}")).collect();
    let credentials = site.fleet.devices(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    site.fleet.revoke("dev-2");
    site.wait_for("revocation list of CN=Device Issuing CA", 1);
    let stranger = Forger::with_root_key_of(&site.fleet, "device-ca").certificate("dev-1");
    let broken = broken_files(&site.fleet);
    let is_over = AtomicBool::new(false);
    let publish = |id: &str, credential: &Credential| {
        let mut client = site.connect(credential, &Connect::new(Version::V5, id));
        let mut count = 0;
        while !is_over.load(Ordering::Relaxed) {
            assert!(publishes(&mut client, id), "{id}");
            count += 1;
            thread::sleep(Duration::from_millis(20));
        }
        count
    };
    thread::scope(|scope| {
        let publishers: Vec<_> = ids
            .iter()
            .zip(&credentials)
            .map(|(id, credential)| scope.spawn(|| publish(id, credential)))
            .collect();
        for (name, content) in &broken {
            let good = fs::read(site.fleet.file(name)).expect("a file");
            site.fleet.replace(name, content);
            site.mosquitto.reload();
            site.settle();
            for connect in Version::ALL.map(|version| Connect::new(version, "dev-1")) {
                assert!(!gets_in(&site, &stranger, &connect), "{name}");
                assert!(!gets_in(&site, &site.other, &connect), "{name}: it is revoked");
            }
            site.fleet.replace(name, &good);
            site.mosquitto.reload();
            site.settle();
        }
        is_over.store(true, Ordering::Relaxed);
        for publisher in publishers {
            assert!(publisher.join().expect("its session goes on") > 10);
        }
    });
    assert!(site.mosquitto.is_running());
    assert!(publishes(&mut site.dev_1(Version::V5), "dev-1"), "whoever may get in does");
    assert!(site.log().contains("the rules are refused, the present ones stay in force"));
}

#[test]
fn a_second_connect_ends_the_connection_and_gives_no_other_name() {
    let Some(site) = site() else { return };
    for version in Version::ALL {
        let mut other = site.connect(&site.other, &Connect::new(version, "dev-2"));
        for again in ["dev-1", "dev-2", "x"] {
            let mut client = site.dev_1(version);
            let mut packets = Connect::new(version, again).user_name("dev-2").packet();
            packets.extend(mqtt::publish(version, "device-ca/dev-2/a", b"forged", 1, false, 1));
            client.send(&packets);
            loop {
                match client.hear(PATIENCE) {
                    Heard::Packet(packet) => assert!(packet.is(Kind::Disconnect), "{packet:?}"),
                    Heard::Closed | Heard::Alert(_) => break,
                    Heard::Silence => panic!("{version:?}: the connection goes on"),
                }
            }
            assert!(publishes(&mut other, "dev-2"), "nobody else is touched");
        }
    }
}

/// For mosquitto 2.1, which takes no CONNECT that has both.
#[test]
fn one_text_of_the_greatest_length_is_no_more_than_a_text() {
    let Some(mut site) = site() else { return };
    let long = "a".repeat(65_535);
    for version in Version::ALL {
        for (user_name, password) in [("x", &*long), (&*long, "x")] {
            let named = Connect::new(version, "x").user_name(user_name).password(password);
            let mut device = site.connect(&site.device, &named);
            assert!(publishes(&mut device, "dev-1"), "who it is its certificate says");
            device.disconnect();
        }
    }
    assert!(site.mosquitto.is_running());
}

#[test]
fn texts_of_the_greatest_length_are_no_more_than_texts() {
    let Some(mut site) = site() else { return };
    let long = "a".repeat(65_535);
    for version in Version::ALL {
        let named = Connect::new(version, "x").user_name(&long).password(&*long);
        let mut device = site.connect(&site.device, &named);
        assert!(publishes(&mut device, "dev-1"), "who it is its certificate says");
        site.wait_for("u'dev-1'", 1);
        // More than the length of a text can say: what is left over is no packet.
        let mut client =
            Client::dial(site.mosquitto.address(), &site.tls(&site.other), version).expect("it may");
        let mut body = Connect::new(version, "y").user_name(&long).packet()[4..].to_vec();
        body.extend(b"a".repeat(34_465));
        client.send(&mqtt::frame(0x10, &body));
        let _ = client.hear(Duration::from_secs(2));
        assert!(publishes(&mut device, "dev-1"));
        device.disconnect();
        let stranger = Forger::with_root_key_of(&site.fleet, "device-ca").certificate("dev-1");
        let refused = site.log().matches("is refused: unknown_ca").count();
        assert!(!gets_in(&site, &stranger, &Connect::new(version, &long).user_name(&long).password(&*long)));
        // The reason is not cut off by what the client says of itself.
        site.wait_for("is refused: unknown_ca", refused + 1);
    }
    assert!(site.mosquitto.is_running());
}
