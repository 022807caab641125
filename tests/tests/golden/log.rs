//! The lines of the log, with all their fields: one step of a client each, in both formats.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use integration_tests::broker::operate;
use integration_tests::client::{Client, Heard, PATIENCE, Tls};
use integration_tests::credential::Credential;
use integration_tests::mqtt::{self, Connect, DISCONNECT, PINGREQ, Version, frame, text};
use integration_tests::pki::{Crl, DAY, Forger, now, subject};
use integration_tests::site::Site;
use integration_tests::transcript::matches_snapshot;
use rcgen::{ExtendedKeyUsagePurpose, SerialNumber};

use crate::answer;
use crate::certificates::configure;
use crate::recorder::{Format, Recorder, dial_proven, site_logging, speak_tls_1_2};

#[test]
fn lines_in_json() {
    matches_snapshot("log-json", &record(Format::Json));
}

#[test]
fn lines_in_text() {
    matches_snapshot("log-text", &record(Format::Text));
}

/// Some parts wait for deadlines, so all are recorded at once.
fn record(format: Format) -> String {
    let parts = [clients, late_refusals, slow_clients, stale_lists, stop];
    let recording = parts.map(|part| thread::spawn(move || part(format)));
    recording.into_iter().map(|part| part.join().expect("a part is recorded")).collect()
}

fn clients(format: Format) -> String {
    let site = site_logging(format, |fleet| {
        configure(fleet);
        fleet.limit(
            // Few connections: of more than there are descriptors for something would be logged.
            "max-connections = 100\nmax-sessions-per-identity = 3\nmax-inflight = 2\nmax-queued-messages = 2\n\
             max-retained-messages-per-identity = 1",
        );
    });
    let mut recorder = Recorder::of(&site);
    recorder.start();
    handshakes(&mut recorder);
    first_packets(&mut recorder);
    refused_connects(&mut recorder);
    sessions_that_end(&mut recorder);
    protocol_errors(&mut recorder);
    publishes_and_subscriptions(&mut recorder);
    lost_messages(&mut recorder);
    sessions_that_are_ended(&mut recorder);
    files(&mut recorder);
    recorder.into_text()
}

/// Connects, hears the answer, and goes.
fn attempt(site: &Site, credential: Option<&Credential>, connect: &Connect) -> String {
    let tls = Tls::new(&site.fleet, credential);
    let (_client, heard) = Client::attempt(site.address(), &tls, connect);
    answer::line(connect.version(), &heard)
}

/// Completes the handshake, sends `bytes`, and hears the answer.
fn say(site: &Site, credential: &Credential, version: Version, bytes: &[u8]) -> String {
    let mut client =
        Client::dial(site.address(), &site.tls(credential), version).expect("a good certificate");
    client.send(bytes);
    answer::line(version, &client.hear(PATIENCE))
}

/// What `client` hears to its end.
fn rest(client: &mut Client, version: Version) -> String {
    let mut heard = String::new();
    loop {
        let next = client.hear(PATIENCE);
        heard.push_str(&answer::line(version, &next));
        heard.push('\n');
        if !matches!(next, Heard::Packet(_)) {
            return heard;
        }
    }
}

/// CONNECT of MQTT 5 with `properties`, for a clean session without a keep-alive, and what follows the client id.
fn connect_with(flags: u8, client_id: &str, properties: &[u8], after: &[u8]) -> Vec<u8> {
    let mut body = text("MQTT");
    body.extend([5, 0x02 | flags, 0, 0]);
    body.extend(mqtt::length(properties.len()));
    body.extend(properties);
    body.extend(text(client_id));
    body.extend(after);
    frame(0x10, &body)
}

fn handshakes(recorder: &mut Recorder<'_>) {
    let site = recorder.site;
    let insider = Forger::with_key_of(&site.fleet, "device-ca");
    let five = Connect::new(Version::V5, "dev-1");
    let other = site.fleet.device("dev-2");
    let numbered = |serial: u8| {
        insider.altered("dev-3", |params| {
            params.serial_number = Some(SerialNumber::from_slice(&[0x40, 0, 0, serial]));
        })
    };
    let [stolen, held] = [0x71, 0x72].map(numbered);
    let list = Crl { revoked: vec![stolen.serial()], held: vec![held.serial()], ..Crl::fresh() };
    recorder.step("a revocation list", &["revocation list in force", "revocation list in force"], || {
        site.fleet.replace("crl/device-ca.crl", insider.crl(&list).as_bytes());
        String::new()
    });
    let ended = insider.altered("dev-1", |params| {
        params.not_before = now() - 30 * DAY;
        params.not_after = now() - DAY;
    });
    let early = insider.altered("dev-1", |params| params.not_before = now() + DAY);
    let server = insider.altered("dev-1", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    for (title, credential) in [
        ("no certificate", None),
        ("a certificate of a CA nobody knows", Some(Forger::stranger(&site.fleet).certificate("dev-1"))),
        (
            "a certificate of a CA of the right name with another key",
            Some(Forger::named_like(&site.fleet, "device-ca").certificate("dev-1")),
        ),
        (
            "a certificate without its key",
            Some(Credential { certificate: site.device.certificate.clone(), key: other.key }),
        ),
        ("a certificate that ended yesterday", Some(ended)),
        ("a certificate that begins tomorrow", Some(early)),
        ("a certificate for servers", Some(server)),
        ("a revoked certificate", Some(stolen)),
        ("a certificate on hold", Some(held)),
    ] {
        recorder.step(title, &["handshake"], || attempt(site, credential.as_ref(), &five));
    }
    recorder.step("no TLS", &["a TLS handshake failed"], || {
        let mut socket = TcpStream::connect(site.address()).expect("the broker accepts connections");
        socket.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("the broker takes it");
        String::new()
    });
    recorder.step("a connection without a byte", &["a TLS handshake failed"], || {
        drop(TcpStream::connect(site.address()));
        String::new()
    });
    recorder.step("TLS 1.2, which is not spoken", &["a TLS handshake failed"], || {
        let tls = Tls::with_versions(&site.fleet, Some(&site.device), &[&rustls::version::TLS12]);
        match Client::dial(site.address(), &tls, Version::V5) {
            Ok(_) => "it is let in".to_owned(),
            Err(heard) => answer::line(Version::V5, &heard),
        }
    });
}

fn first_packets(recorder: &mut Recorder<'_>) {
    let site = recorder.site;
    let version = |level: u8| {
        let mut body = text("MQTT");
        body.extend([level, 0x02, 0, 60]);
        body.extend(text("dev-1"));
        frame(0x10, &body)
    };
    let malformed = |level: u8| frame(0x10, &[&text("MQTT")[..], &[level, 0x03, 0, 60]].concat());
    let no_id = Connect::new(Version::V311, "").persistent().packet();
    for (title, spoken, bytes) in [
        ("the first packet is PINGREQ", Version::V5, PINGREQ.to_vec()),
        ("the first packet is one that only servers send", Version::V5, frame(0x20, &[0, 0])),
        ("MQTT 3.1", Version::V311, version(3)),
        ("a version of MQTT that there is not", Version::V311, version(6)),
        ("a malformed CONNECT of MQTT 5", Version::V5, malformed(5)),
        ("a malformed CONNECT of MQTT 3.1.1", Version::V311, malformed(4)),
        ("a CONNECT of MQTT 3.1.1 without a client id, for a session that lasts", Version::V311, no_id),
        ("a CONNECT that is too long", Version::V5, vec![0x10, 0xFF, 0xFF, 0x7F]),
        ("a length that is none", Version::V5, vec![0x10, 0xFF, 0xFF, 0xFF, 0xFF]),
    ] {
        recorder.step(title, &["no CONNECT could be read"], || say(site, &site.device, spoken, &bytes));
    }
    recorder.step("no CONNECT, and the client is gone", &[], || {
        drop(Client::dial(site.address(), &site.tls(&site.device), Version::V5));
        String::new()
    });
    let method = [&[0x15][..], &text("SCRAM")].concat();
    let data = [&[0x16][..], &text("secret")].concat();
    for (title, properties) in [
        ("a CONNECT with an authentication method", &method),
        ("a CONNECT with authentication data alone", &data),
    ] {
        let packet = connect_with(0, "dev-1", properties, &[]);
        recorder.step(title, &[], || say(site, &site.device, Version::V5, &packet));
    }
}

fn refused_connects(recorder: &mut Recorder<'_>) {
    let site = recorder.site;
    let insider = Forger::with_key_of(&site.fleet, "device-ca");
    let nobody = insider.altered("", |params| params.distinguished_name = subject(&["dev-1\nevil"]));
    let retired = site.fleet.device("retired-1");
    let stranger = site.fleet.service("stranger");
    let namesake = insider.certificate("backend");
    let deep = format!("devices/dev-1/telemetry{}", "/1".repeat(20));
    for version in Version::ALL {
        let connect = |client_id: &str| Connect::new(version, client_id);
        for (title, credential, connect) in [
            ("an identity that is none", &nobody, connect("dev-1")),
            ("an identity that a policy denies", &retired, connect("retired-1")),
            ("an identity that no policy matches", &stranger, connect("stranger")),
            ("another's client id", &site.device, connect("dev-10")),
            ("a client id with a line break", &site.device, connect("dev-1\n{\"outcome\":\"allowed\"}")),
            ("a client id of a longer name", &site.service, connect("backends")),
            (
                "a will for another's topic",
                &site.device,
                connect("dev-1").will("devices/dev-2/status", "off"),
            ),
            ("a will for a filter", &site.device, connect("dev-1").will("devices/+/status", "off")),
        ] {
            let title = format!("{title} ({version:?})");
            recorder.step(&title, &["connect"], || attempt(site, Some(credential), &connect));
        }
    }
    recorder.step("a will with a topic that is too deep", &["a last will is refused"], || {
        attempt(site, Some(&site.device), &Connect::new(Version::V5, "dev-1").will(&deep, "off"))
    });
    recorder.step("another such will is only counted", &["a last will is refused"], || {
        attempt(site, Some(&site.device), &Connect::new(Version::V311, "dev-1").will(&deep, "off"))
    });
    let backend = recorder.connects(&site.service, &Connect::new(Version::V5, "backend"));
    recorder.step("a client id with a session of another identity", &["client_id_mismatch"], || {
        attempt(site, Some(&namesake), &Connect::new(Version::V5, "backend"))
    });
    let more = [1, 2].map(|number| {
        recorder.connects(&site.service, &Connect::new(Version::V5, &format!("backend/{number}")))
    });
    for version in Version::ALL {
        let title = format!("a session more than an identity may have ({version:?})");
        recorder.step(&title, &["no room for another session"], || {
            attempt(site, Some(&site.service), &Connect::new(version, "backend/3"))
        });
    }
    recorder.step("they leave", &["session_closed"; 3], || {
        more.into_iter().chain([backend]).for_each(Client::disconnect);
        String::new()
    });
}

/// Connects, does something, and hears the rest.
fn serve(site: &Site, credential: &Credential, connect: &Connect, act: impl FnOnce(&mut Client)) -> String {
    let tls = site.tls(credential);
    let (mut client, connack) = Client::connect_and_connack(site.address(), &tls, connect);
    act(&mut client);
    let first = answer::line(connect.version(), &Heard::Packet(connack));
    format!("{first}\n{}", rest(&mut client, connect.version()))
}

/// What is logged for a whole session.
const SESSION: [&str; 2] = ["allowed", "session_closed"];

fn sessions_that_end(recorder: &mut Recorder<'_>) {
    let site = recorder.site;
    for version in Version::ALL {
        let device = Connect::new(version, "dev-1");
        recorder.step(&format!("a session from hello to good-bye ({version:?})"), &SESSION, || {
            serve(site, &site.device, &device, |client| client.send(&DISCONNECT))
        });
        recorder.step(
            &format!("a device that leaves its client id to the broker ({version:?})"),
            &SESSION,
            || serve(site, &site.device, &device.clone().without_id(), |client| client.send(&DISCONNECT)),
        );
        let service = Connect::new(version, "backend");
        recorder.step(
            &format!("a service that leaves its client id to the broker ({version:?})"),
            &SESSION,
            || serve(site, &site.service, &service.clone().without_id(), |client| client.send(&DISCONNECT)),
        );
        recorder.step(&format!("a client that goes without a word ({version:?})"), &SESSION, || {
            drop(site.connect(&site.service, &Connect::new(version, "backend/lost")));
            String::new()
        });
        recorder.step(&format!("a client that is silent for too long ({version:?})"), &SESSION, || {
            serve(site, &site.device, &device.clone().keep_alive(1), |_| {})
        });
    }
    let five = Connect::new(Version::V5, "dev-1");
    recorder.step("a good-bye that asks for the will", &SESSION, || {
        let connect = five.clone().will("devices/dev-1/status", "offline");
        serve(site, &site.device, &connect, |client| client.send(&frame(0xE0, &[4])))
    });
    recorder.step("a good-bye that asks for a session that lasts, which it was not", &SESSION, || {
        serve(site, &site.device, &five, |client| client.send(&frame(0xE0, &[0, 5, 0x11, 0, 0, 0, 60])))
    });
}

fn protocol_errors(recorder: &mut Recorder<'_>) {
    let site = recorder.site;
    let topic = "devices/dev-1/telemetry/a";
    let publish = |version, topic: &str| mqtt::publish(version, topic, b"x", 1, false, 1);
    let with_properties = |topic: &str, properties: &[u8]| {
        let mut body = text(topic);
        body.extend([0, 1]);
        body.extend(mqtt::length(properties.len()));
        body.extend(properties);
        frame(0x32, &body)
    };
    let second_connect = Connect::new(Version::V5, "dev-1").packet();
    let deep = format!("devices/dev-1/telemetry{}", "/1".repeat(20));
    let long = format!("devices/dev-1/telemetry/{}", "x".repeat(2000));
    for (title, bytes) in [
        ("a second CONNECT", second_connect),
        ("AUTH", frame(0xF0, &[0x18, 0])),
        ("a packet that only servers send", vec![0xD0, 0x00]),
        ("a packet type that there is not", vec![0x00, 0x00]),
        ("a packet that is too long", vec![0x30, 0xFF, 0xFF, 0x7F]),
        ("PINGREQ with content", vec![0xC0, 0x01, 0x00]),
        ("a length that is none", vec![0x30, 0xFF, 0xFF, 0xFF, 0xFF]),
        ("a malformed PUBLISH", frame(0x32, &[0, 9, b'x'])),
        ("a PUBLISH with QoS 3", frame(0x36, &[0, 1, b'x', 0, 1, 0])),
        ("a SUBSCRIBE without a filter", frame(0x82, &[0, 1, 0])),
        ("a SUBSCRIBE with packet id 0", mqtt::subscribe(Version::V5, "devices/dev-1/commands/#", 0, 0)),
        ("a PUBLISH without a topic", publish(Version::V5, "")),
        ("a PUBLISH to a filter", publish(Version::V5, "devices/dev-1/telemetry/#")),
        ("a PUBLISH with NUL in its topic", publish(Version::V5, "devices/dev-1/telemetry/\0")),
        ("a PUBLISH to a topic that is too deep", publish(Version::V5, &deep)),
        ("a PUBLISH to a topic that is too long", publish(Version::V5, &long)),
        ("a topic alias that was never set", with_properties("", &[0x23, 0, 1])),
        ("a topic alias that is too high", with_properties(topic, &[0x23, 0, 99])),
        ("a PUBLISH with a Subscription Identifier", with_properties(topic, &[0x0B, 1])),
    ] {
        recorder.step(&format!("{title} (V5)"), &SESSION, || {
            serve(site, &site.device, &Connect::new(Version::V5, "dev-1"), |client| client.send(&bytes))
        });
    }
    for (title, bytes) in [
        ("an acknowledgement of nothing", mqtt::acknowledge(0x40, 7)),
        ("a release of nothing", mqtt::acknowledge(0x62, 7)),
    ] {
        recorder.step(title, &SESSION, || {
            serve(site, &site.device, &Connect::new(Version::V5, "dev-1"), |client| {
                client.send(&[&bytes[..], &DISCONNECT].concat());
            })
        });
    }
    for (title, bytes) in [
        ("a PUBLISH without a topic", publish(Version::V311, "")),
        ("a PUBLISH to a filter", publish(Version::V311, "devices/dev-1/telemetry/#")),
        ("a PUBLISH to a topic that is too deep", publish(Version::V311, &deep)),
    ] {
        recorder.step(&format!("{title} (V311)"), &SESSION, || {
            serve(site, &site.device, &Connect::new(Version::V311, "dev-1"), |client| client.send(&bytes))
        });
    }
    recorder.step("more QoS 2 messages unreleased than the broker takes", &SESSION, || {
        serve(site, &site.device, &Connect::new(Version::V5, "dev-1"), |client| {
            for id in 1..=3 {
                client.send(&mqtt::publish(Version::V5, topic, b"x", 2, false, id));
            }
        })
    });
    recorder.step("a client that takes no packet as long as CONNACK", &SESSION, || {
        say(site, &site.device, Version::V5, &connect_with(0, "dev-1", &[0x27, 0, 0, 0, 10], &[]))
    });
}

fn publishes_and_subscriptions(recorder: &mut Recorder<'_>) {
    let site = recorder.site;
    let denied = "devices/dev-2/telemetry/a";
    recorder.step(
        "five denied publishes, of which the first, second and fourth are logged",
        &["topic_denied", "topic_denied", "topic_denied", "session_closed"],
        || {
            serve(site, &site.device, &Connect::new(Version::V5, "dev-1"), |client| {
                for (qos, id) in [(0, 0), (1, 1), (2, 2), (1, 3), (0, 0)] {
                    client.send(&mqtt::publish(Version::V5, denied, b"x", qos, false, id));
                }
                client.send(&DISCONNECT);
            })
        },
    );
    for qos in 0..=2 {
        recorder.step(
            &format!("a denied publish with QoS {qos} (V311)"),
            &["publish", "session_closed"],
            || {
                serve(site, &site.device, &Connect::new(Version::V311, "dev-1"), |client| {
                    client.send(&mqtt::publish(Version::V311, denied, b"x", qos, false, u16::from(qos)));
                })
            },
        );
    }
    recorder.step(
        "a denied publish to a topic with a line break",
        &["topic_denied", "session_closed"],
        || {
            serve(site, &site.device, &Connect::new(Version::V5, "dev-1"), |client| {
                client.send(&mqtt::publish(Version::V5, "a\n{\"outcome\":\"allowed\"}", b"x", 1, false, 1));
                client.send(&DISCONNECT);
            })
        },
    );
    for version in Version::ALL {
        recorder.step(
            &format!("subscriptions ({version:?})"),
            &["allowed", "allowed", "allowed", "topic_denied", "topic_denied", "session_closed"],
            || {
                serve(site, &site.service, &Connect::new(version, "backend"), |client| {
                    for (id, filter) in [
                        "devices/+/telemetry/#",
                        "$share/readers/devices/+/telemetry/#",
                        "#",
                        "$SYS/#",
                        "devices/+/commands/#",
                        "devices/#/a",
                        "$share/readers",
                    ]
                    .into_iter()
                    .enumerate()
                    {
                        let id = u16::try_from(id + 1).expect("a few");
                        client.send(&mqtt::subscribe(version, filter, 1, id));
                    }
                    client.send(&mqtt::unsubscribe(version, "devices/+/telemetry/#", 20));
                    client.send(&DISCONNECT);
                })
            },
        );
    }
}

fn lost_messages(recorder: &mut Recorder<'_>) {
    let site = recorder.site;
    let lasting = Connect::new(Version::V5, "dev-1").persistent();
    recorder.step(
        "a device subscribes, and goes for a while",
        &["allowed", "allowed", "session_closed"],
        || {
            let mut device = site.connect(&site.device, &lasting);
            assert_eq!(device.subscribe("devices/dev-1/commands/#", 1), 1);
            device.disconnect();
            String::new()
        },
    );
    let mut backend = recorder.connects(&site.service, &Connect::new(Version::V5, "backend"));
    recorder.step(
        "messages for which a queue has no room",
        &["the client's queue is full", "the client's queue is full"],
        || {
            for number in 0..4 {
                assert_eq!(backend.publish("devices/dev-1/commands/a", &number.to_string()), 0);
            }
            String::new()
        },
    );
    recorder.step("the session is given up", &SESSION, || {
        serve(site, &site.device, &Connect::new(Version::V5, "dev-1"), |client| client.send(&DISCONNECT))
    });
    recorder.step(
        "a message that is too long for its client",
        &["longer than the client accepts", "session_closed"],
        || {
            let mut device = Client::dial(site.address(), &site.tls(&site.device), Version::V5)
                .expect("a good certificate");
            device.send(&connect_with(0, "dev-1", &[0x27, 0, 0, 0, 200], &[]));
            let connack = answer::line(Version::V5, &device.hear(PATIENCE));
            assert_eq!(device.subscribe("devices/dev-1/commands/#", 1), 1);
            assert_eq!(backend.publish("devices/dev-1/commands/a", &"x".repeat(300)), 0);
            assert_eq!(backend.publish("devices/dev-1/commands/b", "short"), 0);
            let message = device.receive().topic;
            device.disconnect();
            format!("{connack}\n{message}")
        },
    );
    recorder.step(
        "more retained messages than an identity may have",
        &["are not retained", "session_closed"],
        || {
            serve(site, &site.device, &Connect::new(Version::V5, "dev-1"), |client| {
                for (id, topic) in [(1, "devices/dev-1/status"), (2, "devices/dev-1/telemetry/a")] {
                    client.send(&mqtt::publish(Version::V5, topic, b"x", 1, true, id));
                }
                client.send(&DISCONNECT);
            })
        },
    );
    recorder.step("the service leaves", &["session_closed"], || {
        backend.disconnect();
        String::new()
    });
}

fn sessions_that_are_ended(recorder: &mut Recorder<'_>) {
    let site = recorder.site;
    let insider = Forger::with_key_of(&site.fleet, "device-ca");
    let numbered = |serial: u8| {
        insider.altered("dev-4", |params| {
            params.serial_number = Some(SerialNumber::from_slice(&[0x40, 0, 0, serial]));
        })
    };
    for version in Version::ALL {
        let connected = || site.dev_1(version);
        recorder.step(
            &format!("an operator closes a session ({version:?})"),
            &["allowed", "session_closed", "closed sessions"],
            || {
                let mut client = connected();
                assert_eq!(operate(&site.fleet, "kick", &["dev-1"]).code, 0);
                rest(&mut client, version)
            },
        );
        recorder.step(
            &format!("a client connects again ({version:?})"),
            &["allowed", "allowed", "connected again", "client disconnected"],
            || {
                let mut first = connected();
                let second = connected();
                let heard = rest(&mut first, version);
                second.disconnect();
                heard
            },
        );
        for (what, serial, is_held) in [("revoked", 0x74, false), ("put on hold", 0x75, true)] {
            let credential = numbered(serial);
            let connect = Connect::new(version, "dev-4");
            let mut client = recorder.connects(&credential, &connect);
            let title = format!("the certificate of a session is {what} ({version:?})");
            recorder.step(&title, &["session_closed", "list in force", "list in force"], || {
                let list = list_with(credential.serial(), is_held);
                site.fleet.replace("crl/device-ca.crl", insider.crl(&list).as_bytes());
                rest(&mut client, version)
            });
        }
    }
}

/// Clients whose certificate is revoked or put on hold between their handshake and their CONNECT.
fn late_refusals(format: Format) -> String {
    let site = site_logging(format, speak_tls_1_2);
    let mut recorder = Recorder::of(&site);
    let site = recorder.site;
    let insider = Forger::with_key_of(&site.fleet, "device-ca");
    for version in Version::ALL {
        for (what, is_held) in [("revoked", false), ("put on hold", true)] {
            let credential = insider.certificate("dev-4");
            let title = format!("a certificate is {what} between handshake and CONNECT ({version:?})");
            recorder.step(&title, &["refused", "list in force", "list in force"], || {
                let mut client = dial_proven(site, &credential, version);
                let log = site.broker.log();
                let mark = log.mark();
                let list = list_with(credential.serial(), is_held);
                site.fleet.replace("crl/device-ca.crl", insider.crl(&list).as_bytes());
                log.line(mark, |line| line.to_string().contains("list in force"));
                client.send(&Connect::new(version, "dev-4").packet());
                rest(&mut client, version)
            });
        }
    }
    recorder.into_text()
}

/// A list with one certificate.
fn list_with(serial: Vec<u8>, is_held: bool) -> Crl {
    let (revoked, held) = if is_held { (vec![], vec![serial]) } else { (vec![serial], vec![]) };
    Crl { revoked, held, ..Crl::fresh() }
}

fn files(recorder: &mut Recorder<'_>) {
    let site = recorder.site;
    let insider = Forger::with_key_of(&site.fleet, "device-ca");
    let list = "crl/device-ca.crl";
    let older = Crl { number: 7, ..Crl::fresh() };
    let namesake = Forger::named_like(&site.fleet, "device-ca").crl(&Crl::fresh());
    let refused = ["the present one stays in force"];
    recorder.step("a revocation list that is older", &refused, || {
        site.fleet.replace(list, insider.crl(&older).as_bytes());
        String::new()
    });
    recorder.step("a revocation list of another key", &refused, || {
        site.fleet.replace(list, namesake.as_bytes());
        String::new()
    });
    recorder.step("no revocation list", &refused, || {
        site.fleet.replace(list, b"nothing");
        String::new()
    });
    recorder.step(
        "a good revocation list",
        &["revocation list in force", "revocation list in force"],
        || {
            site.fleet.replace(list, insider.crl(&Crl::fresh()).as_bytes());
            String::new()
        },
    );
    recorder.step("a certificate of the broker that is none", &refused, || {
        site.fleet.replace("broker/cert.pem", b"nothing");
        String::new()
    });
}

/// Clients that are too slow, and too many.
fn slow_clients(format: Format) -> String {
    let site = site_logging(format, |fleet| {
        fleet.limit(
            "handshake-timeout = \"4s\"\nconnect-timeout = \"6s\"\npacket-timeout = \"2s\"\n\
             write-timeout = \"3s\"\nmax-connections-per-address = 3",
        );
    });
    let mut recorder = Recorder::of(&site);
    let site = recorder.site;
    let tls = site.tls(&site.device);
    let mut stalled = Vec::new();
    let mut clients = Vec::new();
    recorder.step(
        "a handshake, a CONNECT and a packet that do not come in time",
        &["a TLS handshake took too long", "no CONNECT came in time", "session_closed", "allowed"],
        || {
            stalled.push(Client::stall(site.address(), &tls, 0.5));
            clients.push(Client::dial(site.address(), &tls, Version::V5).expect("a good certificate"));
            serve(site, &site.device, &Connect::new(Version::V5, "dev-1"), |client| {
                client.send(&[0x30, 10, 0]);
            })
        },
    );
    clients.clear();
    stalled.clear();
    recorder.step("half a CONNECT", &["no CONNECT could be read"], || {
        say(site, &site.device, Version::V5, &[0x10, 10, 0])
    });
    recorder.step(
        "more connections than an address may have",
        &["turned away", "took too long", "took too long", "took too long"],
        || {
            stalled.extend([0.0; 3].map(|part| Client::stall(site.address(), &tls, part)));
            // The fourth.
            drop(TcpStream::connect(site.address()));
            String::new()
        },
    );
    recorder.step_among_others("a client that reads nothing", &["session_closed"], "session_closed", || {
        let mut device = site.dev_1(Version::V5);
        assert_eq!(device.subscribe("devices/dev-1/commands/#", 0), 0);
        let mut backend = site.backend(Version::V5);
        // More than the socket buffers of both ends hold.
        let large = "x".repeat(100 * 1024);
        for _ in 0..200 {
            backend.publish_qos0("devices/dev-1/commands/large", &large);
        }
        assert!(backend.is_alive());
        clients.extend([device, backend]);
        String::new()
    });
    recorder.into_text()
}

/// Revocation lists that become too old.
fn stale_lists(format: Format) -> String {
    let site = site_logging(format, |fleet| {
        fleet.limit("max-connections = 100");
        fleet.configure("stale-crl = \"deny-new\"", "stale-crl = \"deny-all\"");
        fleet.configure("stale-grace = \"24h\"", "stale-grace = \"3s\"");
        let crl = Crl::fresh().valid(now() - DAY, now() + Duration::from_secs(20));
        fleet.replace("crl/device-ca.crl", Forger::with_key_of(fleet, "device-ca").crl(&crl).as_bytes());
    });
    let mut recorder = Recorder::of(&site);
    recorder.start();
    let site = recorder.site;
    let mut device = recorder.connects(&site.device, &Connect::new(Version::V5, "dev-1"));
    recorder.step(
        "a revocation list becomes too old for new clients and for those that are there",
        &["its grace is running out", "it is stale now", "session_closed"],
        || {
            // For as long as the list and its grace last, and more.
            let first = device.hear(Duration::from_secs(40));
            format!("{}\n{}", answer::line(Version::V5, &first), rest(&mut device, Version::V5))
        },
    );
    recorder.step("a new client", &["stale_crl"], || {
        attempt(site, Some(&site.device), &Connect::new(Version::V5, "dev-1"))
    });
    recorder.step(
        "a fresh list",
        &["is current", "revocation list in force", "revocation list in force"],
        || {
            let fresh = Forger::with_key_of(&site.fleet, "device-ca").crl(&Crl::fresh());
            site.fleet.replace("crl/device-ca.crl", fresh.as_bytes());
            String::new()
        },
    );
    recorder.into_text()
}

/// The broker stops while a device is there, and a message waits for a service that is not.
fn stop(format: Format) -> String {
    let site = site_logging(format, |_| {});
    let mut recorder = Recorder::of(&site);
    let site = recorder.site;
    let mut backend = recorder.connects(&site.service, &Connect::new(Version::V5, "backend").persistent());
    let mut device = recorder.connects(&site.device, &Connect::new(Version::V5, "dev-1"));
    recorder.step("a message waits for a service that is away", &["allowed", "session_closed"], || {
        assert_eq!(backend.subscribe("devices/+/telemetry/#", 1), 1);
        backend.disconnect();
        assert_eq!(device.publish("devices/dev-1/telemetry/a", "1"), 0);
        String::new()
    });
    let log = site.broker.log();
    let mark = log.mark();
    site.broker.terminate();
    let heard = rest(&mut device, Version::V5);
    let lines = log.lines(mark, 1, |line| line.to_string().contains("undelivered"));
    recorder.lines("the broker stops", &heard, &lines);
    recorder.into_text()
}
