//! What `countersign-broker` owes constrained devices, as seen by OpenSSL, by a listener on the wire, and by the agent
//! of microcontrollers itself.

use std::fs;
use std::process::Stdio;

use integration_tests::broker::{Broker, Mark, operate};
use integration_tests::client::{Heard, PATIENCE};
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{self, Kind, Version};
use integration_tests::peer::Peer;
use integration_tests::program::{Programs, run};
use integration_tests::simulated::Simulated;
use integration_tests::site::Site;
use integration_tests::wiretap::Wiretap;
use serde_json::Value;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// The longest record a device takes, with its header.
const RECORD: usize = 2048;

/// The two ways to speak TLS 1.3.
const VERSIONS: [&str; 2] = ["[\"1.3\"]", "[\"1.2\", \"1.3\"]"];

fn site(versions: &str) -> Site {
    Site::configured(PROGRAMS, |fleet| {
        fleet.configure("tls-versions = [\"1.3\"]", &format!("tls-versions = {versions}"));
    })
}

/// What `openssl s_client` is told by the broker in a handshake as `dev-1`, message by message; empty if there is none.
fn handshake(openssl: &Peer, site: &Site, args: &[&str]) -> String {
    let trace = site.fleet.beside("trace");
    // A handshake that fails early writes none.
    let _ = fs::remove_file(&trace);
    let mut command = openssl.command();
    command
        .args(["s_client", "-tls1_3", "-connect", &site.address().to_string(), "-trace", "-msgfile"])
        .arg(&trace)
        .arg("-CAfile")
        .arg(site.fleet.file("broker-ca/root.pem"))
        .arg("-cert")
        .arg(&site.device.certificate)
        .arg("-key")
        .arg(&site.device.key)
        .args(args)
        .stdin(Stdio::null());
    run(&mut command);
    let trace = fs::read_to_string(&trace).unwrap_or_default();
    // What it says itself comes first.
    trace.split_once("ServerHello").map(|(_, rest)| rest.to_owned()).unwrap_or_default()
}

/// The text from `start` to `end`.
#[track_caller]
fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start}:\n{text}"));
    rest.split_once(end).unwrap_or_else(|| panic!("no {end} after {start}:\n{text}")).0
}

#[test]
fn the_request_for_a_certificate_names_the_signatures_and_no_ca() {
    let Some(openssl) = Peer::openssl() else { return };
    for versions in VERSIONS {
        let trace = handshake(&openssl, &site(versions), &[]);
        let request = between(&trace, "CertificateRequest, ", "    Certificate, ");
        let lines = |start: &str| {
            let lines = request.lines().map(str::trim).filter(|line| line.starts_with(start));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        // Nothing but signature_algorithms: certificate_authorities would be extension 47.
        assert_eq!(
            lines("extension_type="),
            ["extension_type=signature_algorithms(13), length=20"],
            "{trace}"
        );
        let schemes: Vec<String> =
            ["ecdsa", "ed25519", "ed448", "rsa", "dsa"].iter().flat_map(|start| lines(start)).collect();
        assert_eq!(
            schemes,
            [
                "ecdsa_secp256r1_sha256 (0x0403)",
                "ecdsa_secp384r1_sha384 (0x0503)",
                "ed25519 (0x0807)",
                "rsa_pss_rsae_sha256 (0x0804)",
                "rsa_pss_rsae_sha384 (0x0805)",
                "rsa_pss_rsae_sha512 (0x0806)",
                "rsa_pkcs1_sha256 (0x0401)",
                "rsa_pkcs1_sha384 (0x0501)",
                "rsa_pkcs1_sha512 (0x0601)",
            ]
        );
    }
}

#[test]
fn the_broker_shows_its_certificate_and_the_one_above() {
    let Some(openssl) = Peer::openssl() else { return };
    let trace = handshake(&openssl, &site(VERSIONS[0]), &[]);
    let chain = between(&trace, "    Certificate, ", "    CertificateVerify, ");
    assert_eq!(chain.matches("ASN.1Cert, length=").count(), 2, "{trace}");
    assert!(
        chain.contains("CN = broker\n") && chain.contains("Subject: O = Acme, CN = Broker Issuing CA"),
        "{chain}"
    );
}

#[test]
fn p256_alone_is_enough_and_the_groups_are_these_three() {
    let Some(openssl) = Peer::openssl() else { return };
    let site = site(VERSIONS[0]);
    let speaks = |group: &str| handshake(&openssl, &site, &["-groups", group]).contains("Finished, ");
    let groups = ["P-256", "X25519", "P-384", "P-521", "X448", "ffdhe2048"];
    assert_eq!(groups.map(speaks), [true, true, true, false, false, false]);
    // An offer of many is answered in one round trip if one of them came with its share.
    let trace = handshake(&openssl, &site, &["-groups", "P-256:X25519:P-384"]);
    assert!(trace.contains("NamedGroup: secp256r1 (P-256) (23)"), "{trace}");
}

#[test]
fn no_record_is_longer_than_a_device_takes_however_much_there_is_to_say() {
    for versions in VERSIONS {
        let site = site(versions);
        let wire = Wiretap::to(site.address());
        let image = site.fleet.file("images/dev-1.bin");
        let mut backend = site.backend(Version::V5);
        assert_eq!(backend.subscribe("devices/+/status", 1), 1);
        let device = Simulated::start(PROGRAMS, &image, wire.address(), "0");
        // It has asked for its commands when it says so.
        assert_eq!(backend.receive().payload, "online");

        // Commands of all lengths that fit into the packets it takes, as fast as they go.
        const COMMANDS: u16 = 60;
        for number in 1..=COMMANDS {
            let payload = vec![b'x'; usize::from(number) * 32];
            let topic = format!("devices/dev-1/commands/{number}");
            backend.send(&mqtt::publish(Version::V5, &topic, &payload, 1, false, number));
        }
        for _ in 0..COMMANDS {
            match backend.hear(PATIENCE) {
                Heard::Packet(packet) if packet.is(Kind::PubAck) => assert_eq!(packet.reason_code(), 0),
                heard => panic!("{heard:?}"),
            }
        }
        let last = COMMANDS.to_string();
        device.log().line(Mark::START, |line| line["event"] == "command" && line["command_id"] == *last);
        let obeyed = |line: &&Value| line["event"] == "command";
        assert_eq!(device.log().since(Mark::START).iter().filter(obeyed).count(), usize::from(COMMANDS));
        assert_eq!(device.changes(Mark::START, "connecting"), 1, "{}", device.log());

        let records = wire.records();
        let longest = records.iter().map(|record| record.length).max().unwrap_or_default();
        assert!(longest <= RECORD, "{records:?}");
        assert!(longest > RECORD - 200, "nothing was long enough to say anything: {records:?}");
    }
}

#[test]
fn a_server_chain_that_devices_refuse_is_warned_about() {
    let fleet = Fleet::new(PROGRAMS);
    let read = |name: &str| fs::read_to_string(fleet.file(name)).unwrap();
    let chain = read("broker/cert.pem") + &read("broker-ca/root.pem").repeat(3);
    fleet.replace("broker/cert.pem", chain.as_bytes());
    let words = "microcontrollers will not connect";
    let checked = operate(&fleet, "check", &[]);
    assert!(checked.code == 0 && (checked.stdout + &checked.stderr).contains(words));
    let broker = Broker::start(&fleet);
    broker.log().complaint(Mark::START, words);

    // It is right.
    fleet.device("dev-1");
    let device = Simulated::start(PROGRAMS, &fleet.file("images/dev-1.bin"), broker.address(), "1");
    assert_eq!(device.turns(Mark::START, "dev-1", "offline")["cause"], "tls");
}
