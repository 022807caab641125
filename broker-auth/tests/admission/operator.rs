//! What the operator sees: `check` and `explain`, as processes.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, SanType};

use crate::pki::{Ca, DAY, ca_params, client_params, crl_pem, date};
use crate::unusual_crl::UnusualCrl;

/// A fleet directory as of now: these commands look at the real clock.
pub(crate) struct FleetDirectory {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) ca: Ca,
    pub(crate) now: u64,
}

pub(crate) const CONFIG: &str = r#"
[[listener]]
address = "127.0.0.1:8883"
server-cert = "broker/cert.pem"
server-key = "broker/key.pem"

[[listener.trust]]
name = "device-ca"
anchors = ["device-ca/issuing.pem"]
crl = ["crl/device-ca.crl"]

[[policy]]
name = "devices"
match = { trust = "device-ca" }
action = "allow"
publish = ["devices/{device-id}/telemetry/#"]
subscribe = ["devices/{device-id}/commands/#"]
"#;

impl FleetDirectory {
    pub(crate) fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let mut params = ca_params("Acme Device CA");
        around(&mut params, now, 3650);
        let fleet =
            Self { directory: tempfile::tempdir().expect("directory"), ca: Ca::self_signed(params), now };
        for folder in ["broker", "device-ca", "crl"] {
            std::fs::create_dir(fleet.directory.path().join(folder)).expect("folder");
        }
        let key = KeyPair::generate().expect("key");
        let mut server = CertificateParams::default();
        around(&mut server, now, 90);
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.subject_alt_names = vec![SanType::DnsName("broker.test".try_into().expect("name"))];
        fleet.write("broker/cert.pem", server.self_signed(&key).expect("certificate").pem());
        fleet.write("broker/key.pem", key.serialize_pem());
        fleet.write("device-ca/issuing.pem", fleet.ca.certificate.pem());
        fleet.write("broker.toml", CONFIG);
        fleet.publish(10, &[0x66]);
        fleet.client("pump-1", 1);
        fleet
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.directory.path().join(name), contents).expect("write");
    }

    fn publish(&self, number: u64, revoked: &[u8]) {
        let list = UnusualCrl {
            number: Some(number),
            this_update: self.now - 60,
            next_update: Some(self.now + 7 * DAY),
            entries: revoked.iter().map(|serial| (vec![*serial], Vec::new())).collect(),
            ..UnusualCrl::default()
        };
        self.write("crl/device-ca.crl", crl_pem(&list.signed_by(&self.ca)));
    }

    /// Writes NAME.pem.
    fn client(&self, name: &str, serial: u64) {
        let mut params = client_params(name, serial);
        around(&mut params, self.now, 365);
        let key = KeyPair::generate().expect("key");
        let certificate = params.signed_by(&key, &self.ca.issuer()).expect("certificate");
        self.write(&format!("{name}.pem"), certificate.pem());
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_countersign-broker"))
            .env_remove("COUNTERSIGN_FLEET")
            .current_dir(self.directory.path())
            .args(arguments)
            .output()
            .expect("the program runs")
    }

    fn explain(&self, arguments: &[&str]) -> (i32, serde_json::Value) {
        let output = self.run(&[&["explain", "--config", "broker.toml", "--json"], arguments].concat());
        let code = output.status.code().expect("an exit code");
        let answer = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        (code, answer)
    }
}

pub(crate) fn around(params: &mut CertificateParams, now: u64, days: u64) {
    params.not_before = date(now - DAY);
    params.not_after = date(now + days * DAY);
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[test]
fn explain_says_who_is_let_in_and_as_whom() {
    let fleet = FleetDirectory::new();
    let (code, answer) = fleet.explain(&[
        "--cert",
        "pump-1.pem",
        "--client-id",
        "pump-1",
        "--publish",
        "devices/pump-1/telemetry/rpm",
    ]);
    assert_eq!(code, 0, "{answer}");
    assert_eq!(answer["allowed"], true);
    assert_eq!(answer["reason"], serde_json::Value::Null);
    assert_eq!(answer["identity"], "pump-1");
    assert_eq!(answer["policy"], "devices");
    assert_eq!(answer["trust"], "device-ca");
    assert_eq!(answer["crl_number"], "10");
    assert_eq!(answer["client_id"], "pump-1");
    assert_eq!(answer["serial"], "01");
    assert_eq!(answer["subject"], "CN=pump-1");
    assert!(answer["not_after"].as_str().is_some_and(|time| time.ends_with('Z')));
}

#[test]
fn explain_names_the_reason_of_every_refusal() {
    let fleet = FleetDirectory::new();
    fleet.client("stolen", 0x66);
    fleet.client("bad name", 3);
    let later = (fleet.now + 400 * DAY).to_string();
    let overdue = (fleet.now + 9 * DAY).to_string();
    let cases: &[(&[&str], &str)] = &[
        (&["--cert", "stolen.pem"], "revoked"),
        (&["--cert", "bad name.pem"], "unmapped_identity"),
        (&["--cert", "pump-1.pem", "--client-id", "pump-10"], "client_id_mismatch"),
        (&["--cert", "pump-1.pem", "--publish", "devices/pump-10/telemetry/rpm"], "topic_denied"),
        (&["--cert", "pump-1.pem", "--subscribe", "devices/+/commands/#"], "topic_denied"),
        (&["--cert", "pump-1.pem", "--at", &later], "expired"),
        (&["--cert", "pump-1.pem", "--at", &overdue], "stale_crl"),
        (&["--cert", "pump-1.pem", "--at", "2020-01-01T00:00:00Z"], "not_yet_valid"),
        (&["--cert", "broker/cert.pem"], "wrong_usage"),
    ];
    for (arguments, reason) in cases {
        let (code, answer) = fleet.explain(arguments);
        assert_eq!((code, answer["reason"].as_str()), (6, Some(*reason)), "{arguments:?}: {answer}");
        assert_eq!(answer["allowed"], false);
        assert_eq!(answer["fingerprint_sha256"].as_str().map(str::len), Some(64), "{answer}");
        assert!(answer["evidence"].as_str().is_some_and(|evidence| !evidence.is_empty()));
    }
}

#[test]
fn explain_shows_which_part_of_a_value_is_the_identity() {
    let fleet = FleetDirectory::new();
    let template = "\n[identity]\ndevice-id = \"{SAN:URI|last-segment}\"\n";
    fleet.write("broker.toml", format!("{CONFIG}{template}"));
    let named = |uri: &str| {
        let mut params = client_params("placeholder", 1);
        around(&mut params, fleet.now, 365);
        params.subject_alt_names = vec![SanType::URI(uri.try_into().expect("ASCII"))];
        let key = KeyPair::generate().expect("key");
        fleet.write("uri.pem", params.signed_by(&key, &fleet.ca.issuer()).expect("certificate").pem());
        fleet.explain(&["--cert", "uri.pem"])
    };
    let (code, answer) = named("https://acme.test/hall-3/pump-1");
    assert_eq!((code, answer["identity"].as_str()), (0, Some("pump-1")), "{answer}");
    let (code, answer) = named("https://acme.test/hall-3/pump-1?");
    assert_eq!((code, answer["reason"].as_str()), (6, Some("unmapped_identity")), "{answer}");
    assert_eq!(
        answer["evidence"],
        "the certificate's value \"https://acme.test/hall-3/pump-1?\" for {SAN:URI|last-segment} yields no device id: a \
         query or a fragment (? or #) follows its path"
    );
    fleet.write("broker.toml", format!("{CONFIG}{}", template.replace("last-segment", "last-part")));
    for command in [&["check"][..], &["explain", "--cert", "uri.pem"], &["run"]] {
        let output = fleet.run(&[command, &["--config", "broker.toml"]].concat());
        assert_eq!(output.status.code(), Some(3), "{command:?}");
        let stderr = text(&output.stderr);
        assert!(stderr.contains("broker.toml:20: `device-id`: "), "{stderr}");
        assert!(stderr.contains("\"last-part\" is no part of a value; there are local-part, "), "{stderr}");
    }
}

#[test]
fn explain_prints_text_for_people() {
    let fleet = FleetDirectory::new();
    let output = fleet.run(&["explain", "--fleet", ".", "--cert", "pump-1.pem", "--publish", "other"]);
    assert_eq!(output.status.code(), Some(6));
    let text = text(&output.stdout);
    for line in [
        "certificate  CN=pump-1\n",
        "serial       01\n",
        "listener     127.0.0.1:8883\n",
        "trust        device-ca (device)\n",
        "identity     pump-1\n",
        "policy       devices\n",
        "publish      other\n",
        "decision     refused: topic_denied\n",
        "because      policy \"devices\" does not let pump-1 publish to \"other\"\n",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
}

#[test]
fn explain_refuses_input_that_it_cannot_read() {
    let fleet = FleetDirectory::new();
    fleet.write("no.pem", "no certificate");
    for (arguments, code, error) in [
        (&["explain", "--fleet", ".", "--cert", "no.pem"][..], 3, "error: cannot read no.pem"),
        (
            &["explain", "--fleet", "nowhere", "--cert", "pump-1.pem"],
            3,
            "error: nowhere/broker.toml: cannot read it",
        ),
        (
            &["explain", "--fleet", ".", "--cert", "pump-1.pem", "--at", "soon"],
            2,
            "error: --at \"soon\" is no time",
        ),
        (&["explain", "--cert", "pump-1.pem"], 2, "error: "),
    ] {
        let output = fleet.run(arguments);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with(error), "{stderr}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn check_shows_what_is_loaded_and_warns() {
    let fleet = FleetDirectory::new();
    fleet.write("device-ca/issuing.key", "a key that should not be here");
    let output = fleet.run(&["check", "--config", "broker.toml"]);
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for part in [
        "listener 127.0.0.1:8883\n",
        "trust device-ca (device), crl-check leaf, stale-crl deny-new\n",
        "anchor CN=Acme Device CA, ",
        "crl of CN=Acme Device CA: number 10, 1 revoked, ",
        "policy devices: allow trust device-ca, client id must-equal\n",
        "publish devices/{device-id}/telemetry/#\n",
        "device-ca/issuing.key can be read here",
    ] {
        assert!(stdout.contains(part), "{part:?} is not in\n{stdout}");
    }
    let output = fleet.run(&["check", "--config", "broker.toml", "--json"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one document");
    let trust = &document["listeners"][0]["trusts"][0];
    assert_eq!(trust["crls"][0]["number"], "10");
    assert_eq!(trust["crls"][0]["entries"], 1);
    assert_eq!(trust["crls"][0]["freshness"], "current");
    assert_eq!(document["warnings"].as_array().map(Vec::len), Some(1));
    assert!(!fleet.directory.path().join("broker/crl-numbers.json").exists(), "check only looks");
}

/// A broker of the fleet's configuration, stopped when it is dropped.
pub(crate) struct Running {
    broker: Child,
    pub(crate) address: String,
    log: PathBuf,
}

impl Running {
    /// Starts it, and waits until it listens, or ends: then with which code, and what it said.
    pub(crate) fn start(fleet: &FleetDirectory) -> Result<Self, (Option<i32>, String)> {
        let log = fleet.directory.path().join("log");
        let mut broker = Command::new(env!("CARGO_BIN_EXE_countersign-broker"))
            .env_remove("COUNTERSIGN_FLEET")
            .current_dir(fleet.directory.path())
            .args(["run", "--config", "broker.toml", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(File::create(&log).expect("a log"))
            .spawn()
            .expect("the program runs");
        let mut line = String::new();
        BufReader::new(broker.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("a line, or the end");
        match line.trim().strip_prefix("listening ") {
            Some(address) => Ok(Self { address: address.to_owned(), broker, log }),
            None => {
                let code = broker.wait().expect("it ended").code();
                Err((code, std::fs::read_to_string(&log).expect("a log")))
            }
        }
    }

    /// A whole handshake of OpenSSL's client with NAME.pem; TLS 1.2, where it ends only when the broker has agreed.
    fn handshake(&self, fleet: &FleetDirectory, name: &str) -> bool {
        let output = Command::new("openssl")
            .current_dir(fleet.directory.path())
            .args(["s_client", "-connect", &self.address, "-tls1_2"])
            .args(["-cert", &format!("{name}.pem"), "-key", &format!("{name}.key")])
            .stdin(Stdio::null())
            .output()
            .expect("openssl is installed");
        output.status.success()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("a log")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.broker.kill();
        let _ = self.broker.wait();
    }
}

/// OpenSSL shows certificates that claim keyCertSign; the broker says how many it has let in, each once.
#[test]
fn certificates_that_a_trust_lets_pass_are_counted_and_logged_once_each() {
    let fleet = FleetDirectory::new();
    let lenient = CONFIG
        .replace("name = \"device-ca\"\nanchors", "name = \"device-ca\"\nlegacy-leaf = \"warn\"\nanchors")
        .replace("server-cert", "tls-versions = [\"1.2\", \"1.3\"]\nserver-cert");
    fleet.write("broker.toml", &lenient);
    for (name, serial, claims) in [("old-1", 0xA1, true), ("old-2", 0xA2, true), ("new-1", 0xA3, false)] {
        let mut params = client_params(name, serial);
        around(&mut params, fleet.now, 365);
        if claims {
            params.key_usages.push(rcgen::KeyUsagePurpose::KeyCertSign);
        }
        let key = KeyPair::generate().expect("key");
        fleet.write(&format!("{name}.pem"), params.signed_by(&key, &fleet.ca.issuer()).expect("one").pem());
        fleet.write(&format!("{name}.key"), key.serialize_pem());
    }
    let check = |arguments: &[&str]| {
        let output = fleet.run(&[&["check", "--config", "broker.toml"], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("one document");

    let without = check(&[]);
    assert!(
        without.contains("legacy-leaf warn: how many are admitted is known to a running broker only"),
        "{without}"
    );
    assert!(without.contains("warning: trust device-ca lets in client certificates that claim"), "{without}");
    let without = json(&check(&["--json"]));
    assert_eq!(without["listeners"][0]["trusts"][0]["legacy_leaf"], "warn");
    assert_eq!(without["listeners"][0]["trusts"][0]["legacy_leaves"], serde_json::Value::Null);

    let broker = Running::start(&fleet).expect("it starts");
    for (name, expected) in [("old-1", 1), ("old-1", 1), ("new-1", 1), ("old-2", 2), ("old-1", 2)] {
        assert!(broker.handshake(&fleet, name), "{name}: {}", broker.log());
        // The client's part may be over a little earlier than the broker's.
        let count = || {
            let output = fleet.run(&["status", "--config", "broker.toml", "--json"]);
            json(&text(&output.stdout))["listeners"][0]["trusts"][0]["legacy_leaves"].clone()
        };
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while count() != expected && std::time::Instant::now() < deadline {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert_eq!(count(), expected, "after {name}: {}", broker.log());
    }
    let log = broker.log();
    for (serial, name) in [("a1", "old-1"), ("a2", "old-2")] {
        let lines: Vec<_> =
            log.lines().filter(|line| line.contains("legacy-leaf") && line.contains(name)).collect();
        let [line] = lines.as_slice() else { panic!("{lines:?} of {log}") };
        assert!(line.contains("WARN") && line.contains(serial) && line.contains("keyCertSign"), "{line}");
    }
    assert!(!log.lines().any(|line| line.contains("legacy-leaf") && line.contains("new-1")), "{log}");
    let status = text(&fleet.run(&["status", "--config", "broker.toml"]).stdout);
    assert!(status.contains("2 admitted by trust device-ca (legacy-leaf warn)\n"), "{status}");
    let with = check(&[]);
    assert!(
        with.contains("legacy-leaf warn: 2 such certificates admitted since the broker started\n"),
        "{with}"
    );
    let with = json(&check(&["--json"]));
    assert_eq!(with["listeners"][0]["trusts"][0]["legacy_leaves"], 2);
    assert_eq!(with["listeners"][0]["trusts"][0]["legacy_leaves_exceeded"], false);

    // The count outlives a reload that ends the leniency, and nobody is let in by it any more.
    fleet.write("broker.toml", lenient.replace("\"warn\"", "\"refuse\""));
    let reload = fleet.run(&["reload", "--config", "broker.toml"]);
    assert_eq!(reload.status.code(), Some(0), "{}", text(&reload.stderr));
    assert!(!broker.handshake(&fleet, "old-1"));
    assert!(broker.handshake(&fleet, "new-1"));
    let status = text(&fleet.run(&["status", "--config", "broker.toml"]).stdout);
    assert!(status.contains("2 admitted by trust device-ca (legacy-leaf refuse)\n"), "{status}");
}

#[test]
fn check_reports_every_fault_with_exit_code_3() {
    let fleet = FleetDirectory::new();
    fleet.write("broker/key.pem", KeyPair::generate().expect("key").serialize_pem());
    fleet.write("crl/device-ca.crl", "nothing");
    let output = fleet.run(&["check", "--config", "broker.toml"]);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(
        stderr.contains(
            "error: the key in broker/key.pem is not the key of the certificate in broker/cert.pem\nhelp: "
        ),
        "{stderr}"
    );
    assert!(
        stderr.contains("error: trust device-ca: crl/device-ca.crl holds no revocation list"),
        "{stderr}"
    );
}

#[test]
fn every_command_has_help_and_completions_are_written() {
    let fleet = FleetDirectory::new();
    for command in ["run", "check", "explain", "sessions", "kick", "status", "reload", "completions"] {
        let output = fleet.run(&[command, "--help"]);
        assert_eq!(output.status.code(), Some(0), "{command}");
        assert!(text(&output.stdout).contains("Usage: countersign-broker"), "{command}");
    }
    let output = fleet.run(&["completions", "bash"]);
    assert!(text(&output.stdout).contains("countersign-broker"));
}

/// A broker that has run starts again without its list; one that has never run does not, nor do commands that check.
#[test]
fn a_broker_starts_with_the_list_that_it_kept_and_without_any_not_at_all() {
    type Damage = fn(&FleetDirectory);
    let damages: [(&str, Damage); 3] = [
        ("damaged", |fleet| fleet.write("crl/device-ca.crl", "damaged")),
        ("gone", |fleet| {
            std::fs::remove_file(fleet.directory.path().join("crl/device-ca.crl")).expect("there");
        }),
        ("of another CA", |fleet| fleet.write("crl/device-ca.crl", Ca::root("Another").crl(11, &[]))),
    ];
    for (what, damage) in damages {
        let fleet = FleetDirectory::new();
        let list = std::fs::read(fleet.directory.path().join("crl/device-ca.crl")).expect("readable");
        damage(&fleet);
        let (code, said) = Running::start(&fleet).err().expect("there is no list at all");
        assert_eq!(code, Some(3), "{what}: {said}");
        fleet.write("crl/device-ca.crl", &list);
        drop(Running::start(&fleet).unwrap_or_else(|said| panic!("{what}: {said:?}")));
        damage(&fleet);
        let broker = Running::start(&fleet).unwrap_or_else(|said| panic!("{what}: {said:?}"));
        for command in [
            &["check", "--config", "broker.toml"][..],
            &["explain", "--config", "broker.toml", "--cert", "pump-1.pem"],
            &["reload", "--config", "broker.toml"],
        ] {
            assert_eq!(fleet.run(command).status.code(), Some(3), "{what}: {command:?}");
        }
        fleet.write("crl/device-ca.crl", &list);
        assert_eq!(fleet.run(&["reload", "--config", "broker.toml"]).status.code(), Some(0), "{what}");
        drop(broker);
    }
}

/// One CA without a list does not keep out the clients of another.
#[test]
fn a_broker_starts_without_a_list_if_another_trust_can_be_used() {
    let fleet = FleetDirectory::new();
    let mut params = ca_params("Acme Service CA");
    around(&mut params, fleet.now, 3650);
    fleet.write("service-ca.pem", Ca::self_signed(params).certificate.pem());
    let trust = "[[listener.trust]]\nname = \"service-ca\"\nanchors = [\"service-ca.pem\"]\ncrl = [\"none.crl\"]\n\n[[policy]]";
    fleet.write("broker.toml", CONFIG.replacen("[[policy]]", trust, 1));
    drop(Running::start(&fleet).unwrap_or_else(|said| panic!("one trust is good: {said:?}")));
    assert_eq!(fleet.run(&["check", "--config", "broker.toml"]).status.code(), Some(3));
}
