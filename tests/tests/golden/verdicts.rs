//! The verdict of a running broker beside that of `explain`, for everything that can be shown or asked; with a line that says
//! in what they differ, and a list of all differences at the end.
//!
//! Only words are compared that both give: allowed or refused, the reason, the evidence. What the broker answers without a
//! decision, such as a malformed packet, is written as what the client hears and the log tells.

use std::fs;
use std::thread::{self, sleep};
use std::time::Duration;

use integration_tests::broker::{Mark, operate};
use integration_tests::client::{Client, Heard, PATIENCE, Tls};
use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{self, Connect, Version, frame, text};
use integration_tests::pki::{Crl, DAY, Forger, now};
use integration_tests::site::Site;
use integration_tests::transcript::{Transcript, matches_snapshot, steady_of};
use rcgen::{BasicConstraints, IsCa, KeyUsagePurpose, SerialNumber};
use serde_json::Value;

use crate::answer;
use crate::certificates::{Forgers, all, configure, list_in_force};
use crate::recorder::{Format, dial_proven, lines_of, site_logging, speak_tls_1_2};

/// The parts that wait for certificates and lists to end are recorded beside the others.
#[test]
fn the_broker_and_explain_side_by_side() {
    let waiting: [fn() -> Recorded; 5] = [
        live_sessions,
        || stale_list("deny-new"),
        || stale_list("deny-all"),
        || stale_list("alarm"),
        ended_anchor,
    ];
    let waiting = waiting.map(thread::spawn);
    let parts: [fn() -> Recorded; 6] =
        [certificates, intermediates, client_ids, wills_and_connects, publishes, subscriptions];
    let recorded = parts.map(|part| part()).into_iter();
    let waited = waiting.into_iter().map(|part| part.join().expect("a part is recorded"));
    let (texts, differences): (Vec<_>, Vec<_>) = recorded.chain(waited).unzip();
    let differences = differences.concat().join("\n");
    matches_snapshot("verdicts", &format!("{}# Where they differ\n\n{differences}\n", texts.concat()));
}

/// Asks both, and writes the answers side by side.
struct Verdicts<'a> {
    site: &'a Site,
    transcript: Transcript<'a>,
    differences: Vec<String>,
}

/// What is recorded of one part: the verdicts, and a line for each difference.
type Recorded = (String, Vec<String>);

/// An answer to the question whether something is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Verdict {
    /// `allowed`, `refused`, or what else happened.
    outcome: String,
    reason: String,
    evidence: String,
}

impl Verdict {
    fn line(&self) -> String {
        match self.reason.as_str() {
            "" => self.outcome.clone(),
            reason => format!("{} {reason}: {}", self.outcome, self.evidence),
        }
    }

    /// In what `self`, the broker's, differs from that of `explain`.
    fn differs_from(&self, explained: &Self) -> String {
        if self.outcome != explained.outcome {
            format!("outcome (broker: {}; explain: {})", self.short(), explained.short())
        } else if self.reason != explained.reason {
            format!("reason (broker: {}; explain: {})", self.reason, explained.reason)
        } else if self.evidence != explained.evidence {
            "evidence".to_owned()
        } else {
            "no".to_owned()
        }
    }

    fn short(&self) -> String {
        format!("{} {}", self.outcome, self.reason).trim_end().to_owned()
    }
}

impl<'a> Verdicts<'a> {
    fn of(site: &'a Site, title: &str) -> Self {
        let mut transcript = Transcript::of(&site.fleet);
        transcript.line(&format!("# {title}\n"));
        Self { site, transcript, differences: vec![title.to_owned()] }
    }

    fn recorded(self) -> Recorded {
        (self.transcript.into_text(), self.differences)
    }

    /// What `explain` says, and its exit code.
    #[track_caller]
    fn explain(&self, certificate: &Credential, args: &[&str]) -> (i32, Verdict) {
        let certificate = certificate.certificate.display().to_string();
        let ran = operate(&self.site.fleet, "explain", &[&["--json", "--cert", &certificate], args].concat());
        let text = |value: &Value| steady_of(&self.site.fleet, value.as_str().unwrap_or_default());
        let verdict = match ran.code {
            0 | 6 => {
                let explained = ran.json();
                let allowed = explained["allowed"].as_bool().expect("it says whether");
                assert_eq!(allowed, ran.code == 0, "{explained}");
                Verdict {
                    outcome: if allowed { "allowed" } else { "refused" }.to_owned(),
                    reason: text(&explained["reason"]),
                    evidence: text(&explained["evidence"]),
                }
            }
            _ => Verdict {
                outcome: steady_of(&self.site.fleet, ran.stderr.lines().next().unwrap_or_default()),
                reason: String::new(),
                evidence: String::new(),
            },
        };
        (ran.code, verdict)
    }

    /// The verdict in the lines that the broker has written for one step: the first refusal, or else that something was
    /// allowed.
    fn in_lines(lines: &[String], otherwise: &str) -> Verdict {
        let parsed = || lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let of = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let refused = parsed().find(|line| line["outcome"] == "refused");
        let (outcome, line) = match refused {
            Some(line) => ("refused".to_owned(), line),
            None => (otherwise.to_owned(), Value::Null),
        };
        Verdict { outcome, reason: of(&line, "reason"), evidence: of(&line, "evidence") }
    }

    /// Writes what was heard and logged, both verdicts, and in what they differ.
    fn write(
        &mut self,
        title: &str,
        heard: &str,
        lines: &[String],
        live: &Verdict,
        explained: &(i32, Verdict),
    ) {
        let (code, explained) = explained;
        self.transcript.line(&format!("## {title}"));
        self.transcript.line(&format!("heard: {heard}"));
        for line in lines {
            self.transcript.line(&format!("log: {}", shortened(line)));
        }
        self.transcript.line(&format!("broker: {}", live.line()));
        self.transcript.line(&format!("explain: {} (exit {code})", explained.line()));
        let difference = live.differs_from(explained);
        self.transcript.line(&format!("differs: {difference}\n"));
        if difference != "no" {
            self.differences.push(format!("    {title}: {difference}"));
        }
    }

    /// A client that shows `credential` and sends `connect`.
    #[track_caller]
    fn connect(&mut self, title: &str, credential: &Credential, connect: &Connect, asked: &[&str]) {
        self.connect_as(title, Some(credential), credential, connect.version(), &connect.packet(), asked);
    }

    /// The same with a CONNECT in bytes, and `explain` is asked about another certificate, if it is.
    #[track_caller]
    fn connect_as(
        &mut self,
        title: &str,
        shown: Option<&Credential>,
        explained: &Credential,
        version: Version,
        connect: &[u8],
        asked: &[&str],
    ) {
        let site = self.site;
        let log = site.broker.log();
        let (heard, lines) = lines_of(site, &[], || {
            let mark = log.mark();
            let tls = Tls::new(&site.fleet, shown);
            let heard = match Client::dial(site.address(), &tls, version) {
                Err(heard) => heard,
                Ok(mut client) => {
                    client.send(connect);
                    let heard = client.hear(PATIENCE);
                    if matches!(&heard, Heard::Packet(packet) if packet.reason_code() == 0) {
                        log.line(mark, |line| line["outcome"] == "allowed");
                        client.disconnect();
                        log.line(mark, |line| line["event"] == "session_closed");
                    }
                    heard
                }
            };
            if matches!(heard, Heard::Alert(_)) {
                // The alert is sent before the line is written.
                log.line(mark, |line| line["event"] == "handshake");
            }
            answer::line(version, &heard)
        });
        let lines: Vec<_> = lines.into_iter().filter(|line| !line.contains("session_closed")).collect();
        let is_in = lines.iter().any(|line| line.contains("\"outcome\":\"allowed\""));
        let live = Self::in_lines(&lines, if is_in { "allowed" } else { "no decision" });
        let explained = self.explain(explained, asked);
        self.write(title, &heard, &lines, &live, &explained);
    }

    /// A client that is let in and then sends `packet`.
    #[track_caller]
    fn ask(
        &mut self,
        title: &str,
        credential: &Credential,
        connect: &Connect,
        packet: &[u8],
        asked: &[&str],
    ) {
        let site = self.site;
        let version = connect.version();
        let (mut client, _) = lines_of(site, &["allowed"], || site.connect(credential, connect));
        let log = site.broker.log();
        let (heard, lines) = lines_of(site, &[], || {
            let mark = log.mark();
            client.send(packet);
            let heard = client.hear(PATIENCE);
            let is_over = match &heard {
                Heard::Packet(packet) => packet.is(mqtt::Kind::Disconnect),
                _ => true,
            };
            if is_over {
                log.line(mark, |line| line["event"] == "session_closed");
            }
            answer::line(version, &heard)
        });
        let granted = ["PUBACK 0x00", "SUBACK 0x00", "SUBACK 0x01", "SUBACK 0x02"].contains(&heard.as_str());
        let live = Self::in_lines(&lines, if granted { "allowed" } else { "no decision" });
        lines_of(site, &[], || drop(client));
        let explained = self.explain(credential, asked);
        self.write(title, &heard, &lines, &live, &explained);
    }
}

/// Of a line of the log what a verdict consists of; the whole lines are in `log-json`.
fn shortened(line: &str) -> String {
    let line: Value = serde_json::from_str(line).expect("the log is in JSON");
    let words: Vec<_> = ["event", "outcome", "reason", "evidence", "note", "message", "error"]
        .into_iter()
        .filter_map(|key| match &line[key] {
            Value::String(text) if key == "event" || key == "outcome" || key == "reason" => {
                Some(text.clone())
            }
            Value::String(text) => Some(format!("{key}={text:?}")),
            _ => None,
        })
        .collect();
    words.join(" ")
}

fn certificates() -> Recorded {
    let site = site_logging(Format::Json, configure);
    let mut verdicts = Verdicts::of(&site, "Certificates, each with the client id that would be its own");
    for shown in all(&site, &Forgers::of(&site.fleet)) {
        let connect = Connect::new(Version::V5, shown.client_id);
        verdicts.connect(shown.what, &shown.credential, &connect, &["--client-id", shown.client_id]);
    }
    let other = site.fleet.device("dev-2");
    let stolen = Credential { certificate: site.device.certificate.clone(), key: other.key };
    let connect = Connect::new(Version::V5, "dev-1");
    verdicts.connect("a device's, without its key", &stolen, &connect, &[]);
    verdicts.connect_as("no certificate", None, &site.device, Version::V5, &connect.packet(), &[]);
    verdicts.recorded()
}

fn client_ids() -> Recorded {
    let site = site_logging(Format::Json, configure);
    let mut verdicts = Verdicts::of(&site, "Client ids; explain is asked once with it and once without");
    let reader = site.fleet.service("reader");
    let provisioning = site.fleet.service("provisioning");
    let long = "x".repeat(300);
    for (who, credential, ids) in [
        (
            "must-equal",
            &site.device,
            &[
                "dev-1",
                "",
                "dev-10",
                "dev-",
                "DEV-1",
                "dev-1/1",
                " dev-1",
                "dev-1\n",
                "dev-1\u{1b}[31m",
                "d\u{e9}v-1",
            ][..],
        ),
        (
            "must-start-with",
            &site.service,
            &["backend", "backend/", "backend/1", "backend/1/2", "backends", "", "back"],
        ),
        (
            "must-start-with, of another policy",
            &provisioning,
            &["provisioning", "provisioning/1", "backend", ""],
        ),
        ("free", &reader, &["reader", "dev-1", "", "#", "a/+/b", "$SYS", "\u{1}", "d\u{e9}v-1", &long]),
    ] {
        for version in Version::ALL {
            for id in ids {
                let connect = Connect::new(version, id);
                let shown = if id.len() > 100 { "300 x" } else { id };
                let title = format!("{who}: {shown:?} ({version:?})");
                verdicts.connect(&title, credential, &connect, &["--client-id", id]);
            }
        }
        verdicts.connect(
            &format!("{who}: the first of these, and explain is not asked for it"),
            credential,
            &Connect::new(Version::V5, ids[0]),
            &[],
        );
        verdicts.connect(
            &format!("{who}: one of somebody else, and explain is not asked for it"),
            credential,
            &Connect::new(Version::V5, "somebody"),
            &[],
        );
    }
    let lasting = Connect::new(Version::V311, "").persistent();
    verdicts.connect("none, for a session that lasts (V311)", &site.device, &lasting, &["--client-id", ""]);
    let lasting = Connect::new(Version::V5, "").persistent();
    verdicts.connect("none, for a session that lasts (V5)", &site.device, &lasting, &["--client-id", ""]);
    let nul = Connect::new(Version::V5, "a\0b");
    verdicts.connect("free: NUL, which explain cannot be asked for", &reader, &nul, &[]);

    // The name of a service with a session, and a device of that name.
    let namesake = Forger::with_key_of(&site.fleet, "device-ca").certificate("backend");
    let (backend, _) = lines_of(&site, &["allowed"], || site.backend(Version::V5));
    let connect = Connect::new(Version::V5, "backend");
    verdicts.connect(
        "one whose session is another identity's",
        &namesake,
        &connect,
        &["--client-id", "backend"],
    );
    lines_of(&site, &["session_closed"], || backend.disconnect());
    verdicts.recorded()
}

fn wills_and_connects() -> Recorded {
    let site = site_logging(Format::Json, |fleet| {
        configure(fleet);
        fleet.limit("max-sessions-per-identity = 1\nmax-will-size = 100");
    });
    let mut verdicts =
        Verdicts::of(&site, "What else is in CONNECT; explain is asked to publish to the will's topic");
    let deep = format!("devices/dev-1/telemetry{}", "/1".repeat(20));
    let long = "x".repeat(200);
    for version in Version::ALL {
        for (what, topic, payload) in [
            ("a will", "devices/dev-1/status", "off"),
            ("a will for another's topic", "devices/dev-2/status", "off"),
            ("a will for a filter", "devices/dev-1/telemetry/#", "off"),
            ("a will for no topic", "", "off"),
            ("a will for a topic that is too deep", &deep, "off"),
            ("a will that is too long", "devices/dev-1/status", &long),
            ("a will that is too long, for another's topic", "devices/dev-2/status", &long),
            ("a will for $SYS", "$SYS/x", "off"),
        ] {
            let connect = Connect::new(version, "dev-1").will(topic, payload);
            verdicts.connect(&format!("{what} ({version:?})"), &site.device, &connect, &["--publish", topic]);
        }
        let connect = Connect::new(version, "dev-10").will("devices/dev-2/status", "off");
        let asked = ["--client-id", "dev-10", "--publish", "devices/dev-2/status"];
        verdicts.connect(
            &format!("a wrong client id and a wrong will ({version:?})"),
            &site.device,
            &connect,
            &asked,
        );
    }
    let retired = site.fleet.device("retired-1");
    let connect = Connect::new(Version::V5, "dev-10").will("devices/dev-2/status", "off");
    let asked = ["--client-id", "dev-10", "--publish", "devices/dev-2/status"];
    verdicts.connect("a denied identity, a wrong client id and a wrong will", &retired, &connect, &asked);

    let with_properties = |client_id: &str, properties: &[u8]| {
        let mut body = text("MQTT");
        body.extend([5, 0x02, 0, 0]);
        body.extend(mqtt::length(properties.len()));
        body.extend(properties);
        body.extend(text(client_id));
        frame(0x10, &body)
    };
    let method = [&[0x15][..], &text("SCRAM")].concat();
    let data = [&[0x16][..], &text("secret")].concat();
    for (what, client_id, properties) in [
        ("an authentication method", "dev-1", &method),
        ("an authentication method and a wrong client id", "dev-10", &method),
        ("authentication data alone", "dev-1", &data),
    ] {
        let packet = with_properties(client_id, properties);
        let device = &site.device;
        verdicts.connect_as(what, Some(device), device, Version::V5, &packet, &["--client-id", client_id]);
    }
    let mut unknown = text("MQTT");
    unknown.extend([6, 0x02, 0, 0]);
    unknown.extend(text("dev-10"));
    let device = &site.device;
    let asked = ["--client-id", "dev-10"];
    verdicts.connect_as(
        "an unknown version and a wrong client id",
        Some(device),
        device,
        Version::V311,
        &frame(0x10, &unknown),
        &asked,
    );
    let (backend, _) = lines_of(&site, &["allowed"], || site.backend(Version::V5));
    let second = Connect::new(Version::V5, "backend/2");
    verdicts.connect(
        "a second session of an identity that may have one",
        &site.service,
        &second,
        &["--client-id", "backend/2"],
    );
    lines_of(&site, &["session_closed"], || backend.disconnect());
    verdicts.recorded()
}

/// Who asks, under the name that is its client id.
fn clients(site: &Site) -> [(&'static str, Credential); 3] {
    [
        ("dev-1", site.device.clone()),
        ("backend", site.service.clone()),
        ("reader", site.fleet.service("reader")),
    ]
}

fn publishes() -> Recorded {
    let site = site_logging(Format::Json, configure);
    let mut verdicts = Verdicts::of(&site, "Publishes with QoS 1, each over a connection of its own");
    let sixteen = format!("devices/dev-1/telemetry{}", "/1".repeat(13));
    let seventeen = format!("{sixteen}/1");
    let long = format!("devices/dev-1/telemetry/{}", "x".repeat(1000));
    let longer = format!("{long}{}", "x".repeat(100));
    let [device, service, reader] = clients(&site);
    for ((name, credential), topics) in [
        (
            device,
            &[
                "devices/dev-1/status",
                "devices/dev-1/status/",
                "devices/dev-1/telemetry",
                "devices/dev-1/telemetry/",
                "devices/dev-1/telemetry//a",
                "devices/dev-1/telemetry/a",
                "devices/dev-1/telemetry/\u{e9}",
                "devices/dev-1/telemetry/\n",
                "devices/dev-1/credential/request",
                "devices/dev-1/credential/response",
                "devices/dev-1/commands/a",
                "devices/dev-10/status",
                "devices/dev-2/status",
                "/devices/dev-1/status",
                "",
                "/",
                "+",
                "#",
                "devices/dev-1/telemetry/#",
                "devices/dev-1/telemetry/a+b",
                "devices/+/status",
                "$SYS/x",
                "$share/a/devices/dev-1/status",
                "countersign/events/x",
                &sixteen,
                &seventeen,
                &long,
                &longer,
            ][..],
        ),
        (
            service,
            &[
                "devices/dev-1/commands/a",
                "devices/dev-1/commands",
                "devices/dev-1/telemetry/a",
                "devices/a/b/commands/c",
            ],
        ),
        (reader, &["a", "/", "$SYS/x", "$a", "$share/a/b", "countersign/events/x", "devices/dev-1/status"]),
    ] {
        for version in Version::ALL {
            for topic in topics {
                let connect = Connect::new(version, name);
                let packet = mqtt::publish(version, topic, b"x", 1, false, 1);
                let title = format!("{name} to {} ({version:?})", shown(topic));
                verdicts.ask(&title, &credential, &connect, &packet, &["--publish", topic]);
            }
        }
        let nul = mqtt::publish(Version::V5, "devices/dev-1/telemetry/\0", b"x", 1, false, 1);
        let title = format!("{name} to a topic with NUL, which explain cannot be asked for");
        verdicts.ask(&title, &credential, &Connect::new(Version::V5, name), &nul, &[]);
    }
    verdicts.recorded()
}

fn shown(text: &str) -> String {
    if text.len() < 100 { format!("{text:?}") } else { format!("a topic of {} bytes", text.len()) }
}

fn subscriptions() -> Recorded {
    let site = site_logging(Format::Json, |fleet| {
        configure(fleet);
        fleet.limit("max-subscriptions = 1");
    });
    let mut verdicts = Verdicts::of(&site, "Subscriptions with QoS 1, each over a connection of its own");
    let sixteen = format!("devices/dev-1/commands{}", "/1".repeat(13));
    let seventeen = format!("{sixteen}/1");
    let longer = format!("devices/dev-1/commands/{}", "x".repeat(1100));
    let [device, service, reader] = clients(&site);
    for ((name, credential), filters) in [
        (
            device,
            &[
                "devices/dev-1/commands/#",
                "devices/dev-1/commands",
                "devices/dev-1/commands/a",
                "devices/dev-1/commands/+",
                "devices/dev-1/commands/+/#",
                "devices/dev-1/+/#",
                "devices/dev-1/#",
                "devices/+/commands/#",
                "devices/dev-10/commands/#",
                "devices/dev-1/credential/response",
                "devices/dev-1/credential/request",
                "devices/dev-1/status",
                "#",
                "+/#",
                "+",
                "/",
                "",
                "devices/#/commands",
                "devices/dev-1/commands#",
                "devices/dev-1/command+",
                "$SYS/#",
                "$share",
                "$share/",
                "$share/readers",
                "$share/readers/",
                "$share//devices/dev-1/commands/#",
                "$share/a+b/devices/dev-1/commands/#",
                "$share/#/devices/dev-1/commands/a",
                "$share/readers/devices/dev-1/commands/#",
                &sixteen,
                &seventeen,
                &longer,
            ][..],
        ),
        (
            service,
            &[
                "devices/+/telemetry/#",
                "devices/dev-1/telemetry/a",
                "devices/+/status",
                "devices/#",
                "devices/+/credential/response",
                "$share/readers/devices/+/telemetry/#",
                "$share/readers/devices/dev-1/telemetry/a",
                "$share/readers/devices/+/status",
                "$share/others/devices/+/telemetry/#",
            ],
        ),
        (
            reader,
            &[
                "#",
                "+/#",
                "/#",
                "+/+",
                "$SYS/#",
                "$SYS/a",
                "$SYS",
                "$other/#",
                "$share/readers/#",
                "$share/readers/+/+",
                "$share/readers/$SYS/#",
                "$share/others/#",
                "$share/+/#",
            ],
        ),
    ] {
        for version in Version::ALL {
            for filter in filters {
                let connect = Connect::new(version, name);
                let packet = mqtt::subscribe(version, filter, 1, 1);
                let title = format!("{name} to {} ({version:?})", shown(filter));
                verdicts.ask(&title, &credential, &connect, &packet, &["--subscribe", filter]);
            }
        }
        for version in Version::ALL {
            let nul = mqtt::subscribe(version, "devices/dev-1/commands/\0", 1, 1);
            let title =
                format!("{name} to a filter with NUL, which explain cannot be asked for ({version:?})");
            verdicts.ask(&title, &credential, &Connect::new(version, name), &nul, &[]);
        }
    }
    let two = |id: u16, filters: [&str; 2]| {
        let mut body = id.to_be_bytes().to_vec();
        body.push(0);
        for filter in filters {
            body.extend(text(filter));
            body.push(1);
        }
        frame(0x82, &body)
    };
    let packet = two(1, ["devices/dev-1/commands/a", "devices/dev-1/commands/b"]);
    let connect = Connect::new(Version::V5, "dev-1");
    let asked = ["--subscribe", "devices/dev-1/commands/a"];
    verdicts.ask(
        "dev-1 to two filters at once, where it may have one",
        &site.device,
        &connect,
        &packet,
        &asked,
    );
    verdicts.recorded()
}

/// A list of the device CA that says this, in force.
#[track_caller]
fn publish_list(site: &Site, insider: &Forger, list: Crl) {
    let mark = site.broker.log().mark();
    let entries = u64::try_from(list.revoked.len() + list.held.len()).expect("a few");
    site.fleet.replace("crl/device-ca.crl", insider.crl(&list).as_bytes());
    list_in_force(site.broker.log(), mark, entries);
    // Those of both CAs are logged.
    lines_of(site, &[], || ());
}

fn numbered(insider: &Forger, common_name: &str, serial: u8, life: Duration) -> Credential {
    insider.altered(common_name, |params| {
        params.serial_number = Some(SerialNumber::from_slice(&[0x40, 0, 0, serial]));
        params.not_after = now() + life;
    })
}

impl Verdicts<'_> {
    /// What becomes of the session of `client` when something has happened, beside what `explain` says then.
    #[track_caller]
    fn live(
        &mut self,
        title: &str,
        client: &mut Client,
        credential: &Credential,
        happen: impl FnOnce(&Site),
    ) {
        let site = self.site;
        let (heard, lines) = lines_of(site, &[], || {
            happen(site);
            client.send(&mqtt::PINGREQ);
            answer::line(Version::V5, &client.hear(PATIENCE))
        });
        let lines: Vec<_> = lines.into_iter().filter(|line| line.contains("\"event\"")).collect();
        let live = Self::in_lines(&lines, if heard == "PINGRESP" { "allowed" } else { "no decision" });
        let explained = self.explain(credential, &[]);
        self.write(title, &heard, &lines, &live, &explained);
    }

    /// A client that has shown its certificate before something happens, and sends CONNECT after it.
    #[track_caller]
    fn between(&mut self, title: &str, credential: &Credential, client_id: &str, happen: impl FnOnce(&Site)) {
        let site = self.site;
        let mut client = dial_proven(site, credential, Version::V5);
        happen(site);
        let log = site.broker.log();
        let (heard, lines) = lines_of(site, &[], || {
            let mark = log.mark();
            client.send(&Connect::new(Version::V5, client_id).packet());
            let heard = client.hear(PATIENCE);
            log.line(mark, |line| line["event"] == "connect");
            answer::line(Version::V5, &heard)
        });
        let is_in = lines.iter().any(|line| line.contains("\"outcome\":\"allowed\""));
        let live = Self::in_lines(&lines, if is_in { "allowed" } else { "no decision" });
        lines_of(site, &[], || drop(client));
        let explained = self.explain(credential, &[]);
        self.write(title, &heard, &lines, &live, &explained);
    }
}

/// Live sessions, and handshakes that are over, when their certificate or what the broker knows of it changes.
fn live_sessions() -> Recorded {
    let site = site_logging(Format::Json, |fleet| {
        configure(fleet);
        speak_tls_1_2(fleet);
        fleet.limit("connect-timeout = \"60s\"");
    });
    let insider = Forger::with_key_of(&site.fleet, "device-ca");
    let month = 30 * DAY;
    let mut verdicts =
        Verdicts::of(&site, "Live sessions, and handshakes that are over, when something changes");
    let enter = |credential: &Credential, name: &str| {
        let connect = Connect::new(Version::V5, name);
        lines_of(&site, &["allowed"], || site.connect(credential, &connect)).0
    };
    for (what, serial, is_held) in [("revoked", 0x71, false), ("put on hold", 0x72, true)] {
        let list = |credential: &Credential| {
            let serial = credential.serial();
            let (revoked, held) = if is_held { (vec![], vec![serial]) } else { (vec![serial], vec![]) };
            Crl { revoked, held, ..Crl::fresh() }
        };
        let credential = numbered(&insider, "dev-2", serial, month);
        let mut client = enter(&credential, "dev-2");
        let happen = |site: &Site| {
            let mark = site.broker.log().mark();
            publish_list(site, &insider, list(&credential));
            site.broker.log().line(mark, |line| line["event"] == "session_closed");
        };
        verdicts.live(&format!("the certificate of a session is {what}"), &mut client, &credential, happen);
        let credential = numbered(&insider, "dev-3", serial + 8, month);
        let title = format!("a certificate is {what} between handshake and CONNECT");
        verdicts
            .between(&title, &credential, "dev-3", |site| publish_list(site, &insider, list(&credential)));
        let credential = numbered(&insider, "dev-3", serial + 10, month);
        let title =
            format!("a certificate is {what} between handshake and CONNECT, which has a wrong client id");
        verdicts
            .between(&title, &credential, "dev-4", |site| publish_list(site, &insider, list(&credential)));
        let nobody = insider.altered("no device", |params| {
            params.serial_number = Some(SerialNumber::from_slice(&[0x40, 0, 0, serial + 12]));
        });
        let title = format!("a certificate without an identity is {what} between handshake and CONNECT");
        verdicts.between(&title, &nobody, "dev-4", |site| publish_list(site, &insider, list(&nobody)));
    }

    // One that ends while its session lives, and one between handshake and CONNECT.
    let life = Duration::from_secs(20);
    let ends = now() + life;
    let (one, other) = (numbered(&insider, "dev-5", 0x01, life), numbered(&insider, "dev-6", 0x02, life));
    let mut client = enter(&one, "dev-5");
    let wait = || {
        while now() <= ends + Duration::from_secs(1) {
            sleep(Duration::from_millis(200));
        }
    };
    verdicts.between("a certificate ends between handshake and CONNECT", &other, "dev-6", |_| wait());
    let happen = |site: &Site| {
        // Sessions are judged again whenever there is a new list; this is not to take half a minute.
        let mark = site.broker.log().mark();
        publish_list(site, &insider, Crl::fresh());
        site.broker.log().line(mark, |line| line["event"] == "session_closed");
    };
    verdicts.live("the certificate of a session ends", &mut client, &one, happen);

    // Files that the running broker has not read, or has refused.
    let mut client = enter(&site.device, "dev-1");
    let config = fs::read_to_string(site.fleet.file("broker.toml")).expect("the configuration");
    let denies = config.replace("identity = \"retired-1\"", "identity = \"dev-1\"");
    verdicts.live("a policy was written that denies it", &mut client, &site.device, |site| {
        site.fleet.replace("broker.toml", denies.as_bytes());
    });
    verdicts.live("the configuration is none", &mut client, &site.device, |site| {
        site.fleet.replace("broker.toml", b"mode = 1\n");
    });
    site.fleet.replace("broker.toml", config.as_bytes());
    for (what, list) in [
        ("the list is none", "nothing".to_owned()),
        ("the list is older", insider.crl(&Crl { number: 7, ..Crl::fresh() })),
        ("the list is of another key", Forger::named_like(&site.fleet, "device-ca").crl(&Crl::fresh())),
    ] {
        verdicts.live(what, &mut client, &site.device, |site| {
            let mark = site.broker.log().mark();
            site.fleet.replace("crl/device-ca.crl", list.as_bytes());
            site.broker.log().complaint(mark, "stays in force");
        });
        verdicts.connect(
            &format!("{what}, and a client comes"),
            &site.device,
            &Connect::new(Version::V5, "dev-1"),
            &["--client-id", "dev-1"],
        );
        client = enter(&site.device, "dev-1");
    }
    verdicts.recorded()
}

/// A revocation list becomes too old while the broker runs.
fn stale_list(policy: &str) -> Recorded {
    let life = Duration::from_secs(20);
    let mut due = now();
    let site = site_logging(Format::Json, |fleet| {
        fleet.configure("stale-crl = \"deny-new\"", &format!("stale-crl = \"{policy}\""));
        fleet.configure("stale-grace = \"24h\"", "stale-grace = \"3s\"");
        due = now() + life;
        let crl = Crl { revoked: vec![vec![0x40, 0, 0, 0x71]], ..Crl::fresh() }.valid(now() - DAY, due);
        fleet.replace("crl/device-ca.crl", Forger::with_key_of(fleet, "device-ca").crl(&crl).as_bytes());
    });
    let mut verdicts =
        Verdicts::of(&site, &format!("A revocation list becomes too old, and the policy is {policy}"));
    let connect = Connect::new(Version::V5, "dev-1");
    let (mut client, _) = lines_of(&site, &["allowed"], || site.connect(&site.device, &connect));
    verdicts.live("a session", &mut client, &site.device, |site| {
        site.broker.log().line(Mark::START, |line| line.to_string().contains("must be replaced before"));
        while now() < due {
            sleep(Duration::from_millis(200));
        }
        site.broker.log().line(Mark::START, |line| line.to_string().contains("it is stale now"));
        if policy == "deny-all" {
            site.broker.log().line(Mark::START, |line| line["event"] == "session_closed");
        }
    });
    let other = site.fleet.device("dev-2");
    verdicts.connect("a new client", &other, &Connect::new(Version::V5, "dev-2"), &["--client-id", "dev-2"]);
    let stolen = Forger::with_key_of(&site.fleet, "device-ca").altered("dev-3", |params| {
        params.serial_number = Some(SerialNumber::from_slice(&[0x40, 0, 0, 0x71]));
    });
    verdicts.connect(
        "a new client that the old list has revoked",
        &stolen,
        &Connect::new(Version::V5, "dev-3"),
        &[],
    );
    verdicts.recorded()
}

fn ended_anchor() -> Recorded {
    let mut ends = now();
    let mut made = None;
    let site = site_logging(Format::Json, |fleet| {
        ends = now() + Duration::from_secs(20);
        let (authority, anchor) = Forger::authority(fleet, |params| params.not_after = ends);
        fleet.replace("device-ca/issuing.pem", anchor.as_bytes());
        fleet.replace("crl/device-ca.crl", authority.crl(&Crl::fresh()).as_bytes());
        made = Some(authority.certificate("dev-3"));
    });
    let device = made.expect("it was made");
    let mut verdicts = Verdicts::of(&site, "An anchor ends");
    let connect = Connect::new(Version::V5, "dev-3");
    verdicts.connect("before", &device, &connect, &["--client-id", "dev-3"]);
    let (mut client, _) = lines_of(&site, &["allowed"], || site.connect(&device, &connect));
    verdicts.live("a session", &mut client, &device, |site| {
        while now() <= ends {
            sleep(Duration::from_millis(200));
        }
        site.broker
            .log()
            .line(Mark::START, |line| line["event"] == "session_closed" && line["outcome"] == "refused");
    });
    verdicts.connect("a new client", &device, &connect, &["--client-id", "dev-3"]);
    verdicts.connect(
        "a service, of another anchor",
        &site.service,
        &Connect::new(Version::V5, "backend"),
        &[],
    );
    verdicts.recorded()
}

/// Certificates that an intermediate CA below the anchor has issued.
fn intermediates() -> Recorded {
    let mut made = Vec::new();
    let site = site_logging(Format::Json, |fleet| chain_below(fleet, &mut made));
    let mut verdicts = Verdicts::of(&site, "An intermediate CA, which clients present");
    for (what, credential) in &made {
        verdicts.connect(what, credential, &Connect::new(Version::V5, "dev-3"), &["--client-id", "dev-3"]);
    }
    verdicts.recorded()
}

/// An anchor with room for one CA below it, and certificates below that.
fn chain_below(fleet: &Fleet, made: &mut Vec<(&'static str, Credential)>) {
    let (root, anchor) =
        Forger::authority(fleet, |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1)));
    fleet.replace("device-ca/issuing.pem", anchor.as_bytes());
    fleet.replace("crl/device-ca.crl", root.crl(&Crl::fresh()).as_bytes());
    let authority = |life: Duration| {
        root.altered("Sub CA", |params| {
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            params.not_before = now() - 2 * DAY;
            params.not_after = now() - DAY + life;
        })
    };
    for (what, name, life) in
        [("no list covers it", "good", 30 * DAY), ("the intermediate has ended", "ended", Duration::ZERO)]
    {
        let credential = Forger::with_credential(fleet, &authority(life)).certificate("dev-3");
        made.push((what, credential.keep_in(&fleet.beside(name))));
    }
    made.push(("the anchor itself is the issuer", root.certificate("dev-3")));
    let leaf = made[0].1.chain().remove(0);
    let alone = made[0].1.keep_in(&fleet.beside("alone"));
    fs::write(&alone.certificate, integration_tests::pki::certificate_pem(&leaf))
        .expect("a file can be written");
    made.push(("the intermediate is not presented", alone));
}
