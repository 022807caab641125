//! What the operator sees: `check` and `explain`, as processes.

use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{CertificateParams, KeyPair, SanType};

use crate::pki::{Ca, DAY, ca_params, client_params, crl_pem, date};
use crate::unusual_crl::UnusualCrl;

/// A fleet directory as of now: these commands look at the real clock.
struct FleetDirectory {
    directory: tempfile::TempDir,
    ca: Ca,
    now: u64,
}

const CONFIG: &str = r#"
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
    fn new() -> Self {
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
        server.subject_alt_names = vec![SanType::DnsName("broker.test".try_into().expect("name"))];
        fleet.write("broker/cert.pem", server.self_signed(&key).expect("certificate").pem());
        fleet.write("broker/key.pem", key.serialize_pem());
        fleet.write("device-ca/issuing.pem", fleet.ca.certificate.pem());
        fleet.write("broker.toml", CONFIG);
        fleet.publish(10, &[0x66]);
        fleet.client("pump-1", 1);
        fleet
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.directory.path().join(name), contents).expect("write");
    }

    fn publish(&self, number: u64, revoked: &[u8]) {
        let list = UnusualCrl {
            number: Some(number),
            this_update: self.now - 60,
            next_update: self.now + 7 * DAY,
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

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_countersign-broker"))
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

fn around(params: &mut CertificateParams, now: u64, days: u64) {
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
