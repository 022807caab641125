//! `enforce` and `permissive`: what clients meet whose certificate is not proven, by what policies make of them.
//!
//! `modes/matrix.md` was written by hand, from what the configuration says. Each of its cells is a running broker that a
//! client connects to, in both versions of MQTT, and what `explain` says of the files.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use integration_tests::broker::operate;
use integration_tests::certificate_fault::{CertificateFault, FaultyIssuer};
use integration_tests::client::{Client, Heard, PATIENCE, Tls};
use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::markdown_table::MarkdownTable;
use integration_tests::mqtt::{self, Connect, DISCONNECT, Kind, Version};
use integration_tests::pki::{DAY, Forger, now};
use integration_tests::program::Programs;
use integration_tests::site::Site;
use serde_json::Value;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

const MATRIX: &str = include_str!("modes/matrix.md");

/// The certificates of the matrix by their names in it, and those that a client without any shows: none.
fn credentials(fleet: &Fleet) -> BTreeMap<&'static str, Option<Credential>> {
    let issuer = FaultyIssuer::new(fleet);
    let faulty = CertificateFault::NAMED.map(|(name, fault)| (name, Some(issuer.credential(fault, "dev-1"))));
    issuer.publish_list(fleet);
    let good = Credential {
        certificate: fleet.file("images/dev-1.cert.pem"),
        key: fleet.file("images/dev-1.key.pem"),
    };
    faulty.into_iter().chain([("good", Some(good)), ("none", None)]).collect()
}

/// The mode of a column, and its policies for clients that are not proven.
fn column(name: &str) -> (&'static str, Vec<String>) {
    let policy = |action: &str, verdict: &str| {
        format!(
            "[[policy]]\nname = \"{action}-{number}\"\nmatch = {{ verdict = {verdict} }}\naction = \"{action}\"\n\
             publish = [\"lobby\"]\nsubscribe = [\"lobby\"]\n\n",
            number = verdict.len(),
        )
    };
    let (both, failed, none) = ("[\"FAILED\", \"NONE\"]", "\"FAILED\"", "\"NONE\"");
    match name {
        "E" => ("enforce", vec![]),
        "Ep" => ("enforce", vec![policy("allow", both)]),
        "P" => ("permissive", vec![]),
        "Pd" => ("permissive", vec![policy("deny", both)]),
        "Pa" => ("permissive", vec![policy("allow", both)]),
        "Pq" => ("permissive", vec![policy("quarantine", failed), policy("deny", none)]),
        "Pr" => ("permissive", vec![policy("report", both)]),
        "Prq" => ("permissive", vec![policy("report", both), policy("quarantine", failed)]),
        "Px" => ("permissive", vec![policy("allow", "\"FAILED:expired\"")]),
        other => panic!("column {other}"),
    }
}

/// What a client meets, in the words of the matrix; `version` tells the codes.
fn met(site: &Site, credential: Option<&Credential>, version: Version) -> String {
    let tls = Tls::new(&site.fleet, credential);
    let mark = site.broker.log().mark();
    match Client::attempt(site.address(), &tls, &Connect::new(version, "")) {
        (_, Heard::Alert(alert)) => format!("alert:{alert:?}"),
        (Some(client), Heard::Packet(connack)) if connack.is(Kind::ConnAck) => match connack.reason_code() {
            0 => reach(client, version),
            code => {
                assert_eq!(code, if version == Version::V5 { 0x87 } else { 5 });
                // The line of a handshake that was refused before may come late.
                let is_ours = |line: &Value| line["event"] == "connect" && line["outcome"] == "refused";
                let line = site.broker.log().line(mark, is_ours);
                format!("0x87 {}", line["reason"].as_str().unwrap_or_default())
            }
        },
        (_, heard) => format!("{heard:?}"),
    }
}

/// What a client that was let in reaches: it publishes, and hears itself.
fn reach(mut client: Client, version: Version) -> String {
    const DEVICE: &str = "devices/dev-1/telemetry/a";
    let mut places = Vec::new();
    let lobby = client.subscribe("lobby", 1) < 0x80;
    let commands = client.subscribe("devices/dev-1/commands/#", 1) < 0x80;
    if lobby {
        let code = client.publish("lobby", "hello");
        let heard = client.receive();
        assert_eq!((code, heard.topic.as_str(), heard.payload.as_str()), (0, "lobby", "hello"));
        places.push("in:lobby");
    }
    if commands {
        places.push("in:devices");
    }
    // Last, because MQTT 3.1.1 has nothing but the end of the connection to say no with.
    let wanted = if commands { DEVICE } else { "lobby/beyond" };
    client.send(&mqtt::publish(version, wanted, b"x", 1, false, 77));
    let is_taken = match client.hear(PATIENCE) {
        Heard::Packet(packet) => packet.is(Kind::PubAck) && packet.reason_code() < 0x80,
        Heard::Closed => false,
        other => panic!("{other:?}"),
    };
    assert_eq!(is_taken, commands, "{places:?}");
    places.join(" ")
}

/// What `explain` says of the files, in the words of the matrix, without the alert's name.
fn explained(site: &Site, credential: &Credential) -> String {
    let certificate = credential.certificate.display().to_string();
    let explained = operate(&site.fleet, "explain", &["--json", "--cert", &certificate, "--client-id", ""]);
    let said: Value = explained.json();
    match (said["allowed"].as_bool(), said["verdict"].as_str(), said["reason"].as_str()) {
        (Some(true), Some("SUCCESS"), _) => "in:devices".to_owned(),
        (Some(true), Some(_), _) => {
            assert_eq!(said["namespace"], "-", "{said}");
            assert!(said["identity"].as_str().is_some_and(|name| name.starts_with("unverified-")), "{said}");
            "in:lobby".to_owned()
        }
        (_, None, Some(reason)) if reason != "unmapped_identity" => "alert".to_owned(),
        (_, _, Some(reason)) => format!("0x87 {reason}"),
        _ => panic!("{said}"),
    }
}

#[test]
fn every_cell_of_the_matrix_is_what_a_client_meets() {
    let [MarkdownTable { header, rows }] =
        <[MarkdownTable<'_>; 1]>::try_from(MarkdownTable::all(MATRIX)).expect("one table");
    let mut wrong = Vec::new();
    let mut checked = 0;
    std::thread::scope(|scope| {
        let columns: Vec<_> = header
            .iter()
            .enumerate()
            .skip(1)
            .map(|(place, name)| {
                let rows = &rows;
                scope.spawn(move || {
                    let (mode, policies) = column(name);
                    let mut shown = BTreeMap::new();
                    let site = Site::configured(PROGRAMS, |fleet| {
                        shown = credentials(fleet);
                        fleet.configure("mode = \"enforce\"", &format!("mode = \"{mode}\""));
                        let first = "[[policy]]\nname = \"devices\"";
                        fleet.configure(first, &(policies.concat() + first));
                    });
                    let mut wrong = Vec::new();
                    let mut checked = 0;
                    for row in rows {
                        let (what, wanted) = (row[0], row[place]);
                        let credential = shown.get(what).unwrap_or_else(|| panic!("{what}")).as_ref();
                        for version in Version::ALL {
                            let found = met(&site, credential, version);
                            checked += 1;
                            if found != wanted {
                                wrong.push(format!("{name}, {what}, {version:?}: {found}, and not {wanted}"));
                            }
                        }
                        // The key that a client holds does not stand in its certificate.
                        let Some(credential) = credential.filter(|_| what != "expired, and another's key")
                        else {
                            continue;
                        };
                        let found = explained(&site, credential);
                        checked += 1;
                        let wanted = if wanted.starts_with("alert:") { "alert" } else { wanted };
                        if found != wanted {
                            wrong.push(format!("{name}, {what}: explain says {found}, and not {wanted}"));
                        }
                    }
                    (wrong, checked)
                })
            })
            .collect();
        for column in columns {
            let (found, count) = column.join().expect("a column is checked");
            wrong.extend(found);
            checked += count;
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked >= 9 * 14 * 2, "{checked}");
}

/// A site whose listener is permissive, with these policies before the others.
fn permissive(policies: &str) -> Site {
    Site::configured(PROGRAMS, |fleet| {
        fleet.configure("mode = \"enforce\"", "mode = \"permissive\"");
        let first = "[[policy]]\nname = \"devices\"";
        fleet.configure(first, &format!("{policies}{first}"));
    })
}

/// Everybody without a proven certificate may talk in the lobby, under any client id.
const LOBBY: &str = "[[policy]]\nname = \"lobby\"\nmatch = { verdict = [\"FAILED\", \"NONE\"] }\naction = \"allow\"\n\
                     client-id = \"free\"\npublish = [\"lobby/#\"]\nsubscribe = [\"lobby/#\"]\n\n";

#[test]
fn who_is_not_proven_leaves_nothing_behind_and_takes_nothing_over() {
    let site = permissive(LOBBY);
    let strangers = Forger::stranger(&site.fleet);
    let [stranger, other] = ["dev-1", "dev-1"].map(|name| strangers.certificate(name));
    let device = site.dev_1(Version::V5);
    for version in Version::ALL {
        for credential in [Some(&stranger), None] {
            let attempt = |connect: &Connect| {
                Client::attempt(site.address(), &Tls::new(&site.fleet, credential), connect)
            };
            let refused = |connect: &Connect| match attempt(connect).1 {
                Heard::Packet(packet) => packet.is(Kind::ConnAck) && packet.reason_code() != 0,
                _ => false,
            };
            // No will.
            assert!(refused(&Connect::new(version, "guest").will("lobby/will", "x")), "{version:?}");
            // No session is kept, whatever is asked for.
            for _ in 0..2 {
                let connect = Connect::new(version, "guest").persistent();
                let (mut client, connack) = match attempt(&connect) {
                    (Some(client), Heard::Packet(connack)) if connack.reason_code() == 0 => (client, connack),
                    (_, heard) => panic!("{version:?}: {heard:?}"),
                };
                assert!(!connack.session_present(), "{version:?}");
                client.subscribe("lobby/#", 1);
                client.send(&DISCONNECT);
                let deadline = std::time::Instant::now() + PATIENCE;
                while operate(&site.fleet, "sessions", &[]).stdout.contains("guest") {
                    assert!(std::time::Instant::now() < deadline, "{version:?}: the session is kept");
                }
            }
        }
    }
    // Nothing is retained.
    let mut client = site.connect(&stranger, &Connect::new(Version::V5, "guest"));
    assert_eq!(client.publish_retained("lobby/a", "x"), 0x87);
    // Another key has a session of its own, and the client id of a device is not taken from it.
    let mut others = site.connect(&other, &Connect::new(Version::V5, "guest"));
    let mut squatter = site.connect(&other, &Connect::new(Version::V5, "dev-1"));
    assert!(client.is_alive() && others.is_alive() && squatter.is_alive());
    drop(device);
    let mut device = site.dev_1(Version::V5);
    assert!(device.is_alive(), "and the device is as it was");
}

/// An operator sees whom it would cost to turn `enforce` on, and when it is on, they are gone.
#[test]
fn status_lists_who_would_be_refused_and_a_reload_to_enforce_ends_their_sessions() {
    let report =
        "[[policy]]\nname = \"watch\"\nmatch = { verdict = [\"FAILED\", \"NONE\"] }\naction = \"report\"\n\n";
    let site = permissive(&format!("{report}{LOBBY}"));
    let insider = Forger::with_key_of(&site.fleet, "device-ca");
    let ended = insider.altered("dev-1", |params| {
        params.not_before = now() - 30 * DAY;
        params.not_after = now() - DAY;
    });
    let mut good = site.dev_1(Version::V5);
    let mut lobby = Vec::new();
    for (count, credential) in [(2, Some(&ended)), (1, None)] {
        for number in 0..count {
            let tls = Tls::new(&site.fleet, credential);
            let id = format!("guest-{}-{number}", credential.is_some());
            let connect = Connect::new(Version::V5, &id);
            lobby.push(Client::connect(site.address(), &tls, &connect));
        }
    }
    let status = operate(&site.fleet, "status", &["--json"]).json();
    let reported = &status["listeners"][0]["reported"]["clients"];
    let mut told: Vec<_> = reported
        .as_array()
        .expect("a list")
        .iter()
        .map(|client| {
            let text = |key: &str| client[key].as_str().unwrap_or("-").to_owned();
            (text("reason"), text("subject"), text("policy"), client["count"].as_u64().unwrap_or(0))
        })
        .collect();
    told.sort();
    let wanted = |reason: &str, subject: &str, count| {
        (reason.to_owned(), subject.to_owned(), "watch".to_owned(), count)
    };
    assert_eq!(told, [wanted("expired", "CN=dev-1,O=Acme", 2), wanted("no_certificate", "-", 1)]);
    let page = operate(&site.fleet, "status", &[]).stdout;
    assert!(
        page.contains("would be refused") && page.contains("expired: CN=dev-1,O=Acme, 2 times"),
        "{page}"
    );
    // The sessions say who they are.
    let sessions = operate(&site.fleet, "sessions", &["--json"]).stdout;
    assert!(sessions.contains("\"unverified-") && sessions.contains("\"anonymous-"), "{sessions}");

    site.fleet.configure("mode = \"permissive\"", "mode = \"enforce\"");
    assert_eq!(operate(&site.fleet, "reload", &[]).code, 0);
    for mut client in lobby {
        assert!(!client.is_alive(), "nobody stays without a proven certificate");
    }
    assert!(good.is_alive());
    let refused =
        Client::attempt(site.address(), &Tls::new(&site.fleet, None), &Connect::new(Version::V5, ""));
    assert!(matches!(refused.1, Heard::Alert(_)), "{:?}", refused.1);
}

/// A session whose policies change between letting it in and quarantine keeps only what the new one names.
#[test]
fn quarantine_takes_away_what_it_does_not_name_and_marks_nothing_else() {
    let site = permissive(LOBBY);
    let mut guest =
        Client::connect(site.address(), &Tls::new(&site.fleet, None), &Connect::new(Version::V5, "guest"));
    assert!(guest.subscribe("lobby/#", 1) < 0x80);
    let quarantined = LOBBY
        .replace("action = \"allow\"", "action = \"quarantine\"")
        .replace("[\"lobby/#\"]", "[\"lobby/ward\", \"lobby/hall\"]");
    site.fleet.configure(LOBBY, &quarantined);
    assert_eq!(operate(&site.fleet, "reload", &[]).code, 0);
    assert!(guest.is_alive());
    assert_eq!(guest.publish("lobby/elsewhere", "x"), 0x87);
    assert_eq!(guest.publish("lobby/hall", "the subscription to all is gone"), 0);
    assert!(guest.subscribe("lobby/ward", 1) < 0x80);
    assert_eq!(guest.publish("lobby/ward", "here"), 0);
    assert_eq!(guest.receive().payload, "here");
}

#[test]
fn explain_knows_a_client_without_a_certificate_and_check_names_what_is_for_nobody() {
    let site = permissive(LOBBY);
    let asked = |args: &[&str]| {
        operate(
            &site.fleet,
            "explain",
            &[&["--no-certificate", "--json", "--client-id", "guest"], args].concat(),
        )
    };
    let let_in = asked(&["--publish", "lobby/a"]);
    assert_eq!(let_in.code, 0, "{}", let_in.stdout);
    let said = let_in.json();
    assert_eq!((&said["verdict"], &said["policy"]), (&"NONE".into(), &"lobby".into()), "{said}");
    assert_eq!(said["running"]["allowed"], true, "{said}");
    assert_eq!(asked(&["--publish", "devices/dev-1/telemetry/a"]).json()["reason"], "topic_denied");
    assert!(!operate(&site.fleet, "check", &[]).stdout.contains("warning: policy"));

    let warned = |text: &str| operate(&site.fleet, "check", &[]).stdout.contains(text);
    site.fleet.configure("mode = \"permissive\"", "mode = \"enforce\"");
    assert!(warned("policy \"lobby\" is for FAILED or NONE, and no listener is permissive"));
    assert_eq!(asked(&[]).json()["reason"], "no_certificate");
    site.fleet.configure("mode = \"enforce\"", "mode = \"permissive\"");
    site.fleet.configure(LOBBY, "");
    assert!(warned("is permissive, and no policy is for FAILED or NONE"));
    let expired =
        LOBBY.replace("\"lobby\"", "\"late\"").replace("[\"FAILED\", \"NONE\"]", "\"FAILED:expired\"");
    let first = "[[policy]]\nname = \"devices\"";
    site.fleet.configure(first, &format!("{LOBBY}{expired}{first}"));
    assert!(warned("policy \"late\" decides about nobody: \"lobby\", which stands before it"));
    site.fleet.configure(&expired, "");
    site.fleet.configure(LOBBY, &LOBBY.replace("\"allow\"", "\"deny\""));
    assert!(warned("policy \"lobby\" has topics, and its action is deny"));
}

/// A reason that policies decide by is told of certificates alone that a CA of the fleet has issued, and the worst comes
/// first; a session ends when it is another one.
#[test]
fn a_stranger_cannot_say_why_it_is_refused_and_a_session_ends_with_its_verdict() {
    let late = LOBBY.replace("[\"FAILED\", \"NONE\"]", "\"FAILED:expired\"");
    let site = permissive(&late);
    let ended = |forger: &Forger| {
        forger.altered("dev-1", |params| {
            params.not_before = now() - 30 * DAY;
            params.not_after = now() - DAY;
        })
    };
    let insider = Forger::with_key_of(&site.fleet, "device-ca");
    let of_fleet = ended(&insider);
    let is_let_in = |credential: &Credential| {
        let tls = site.tls(credential);
        let (client, heard) = Client::attempt(site.address(), &tls, &Connect::new(Version::V5, ""));
        let is_let_in = matches!(&heard, Heard::Packet(packet) if packet.reason_code() == 0);
        client.filter(|_| is_let_in)
    };
    for forger in [Forger::stranger(&site.fleet), Forger::named_like(&site.fleet, "device-ca")] {
        assert!(is_let_in(&ended(&forger)).is_none(), "that it has ended is what a stranger says");
    }
    let mut client = is_let_in(&of_fleet).expect("it has ended, and the fleet has issued it");
    assert!(client.is_alive());
    // Revoked is revoked, however long ago it has ended; the session that there is ends, too.
    let mark = site.broker.log().mark();
    let list = integration_tests::pki::Crl {
        revoked: vec![of_fleet.serial()],
        ..integration_tests::pki::Crl::fresh()
    };
    site.fleet.replace("crl/device-ca.crl", insider.crl(&list).as_bytes());
    let closed = site.broker.log().line(mark, |line| line["event"] == "session_closed");
    assert_eq!(closed["reason"], "revoked", "{closed}");
    assert!(!client.is_alive());
    assert!(is_let_in(&of_fleet).is_none());
}
