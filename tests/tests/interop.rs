//! Clients and judges that nobody here wrote.

#![forbid(unsafe_code)]

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use integration_tests::broker::operate;
use integration_tests::client::PATIENCE;
use integration_tests::credential::Credential;
use integration_tests::mqtt::{Connect, Version};
use integration_tests::peer::Peer;
use integration_tests::pki::{DAY, Forger, now};
use integration_tests::program::{Programs, finish, run};
use integration_tests::site::Site;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// A mosquitto client that connects as the holder of `credential`.
fn mosquitto(peer: &Peer, site: &Site, credential: &Credential, version: &str, args: &[&str]) -> Command {
    let mut command = peer.command();
    command
        .args(["-h", "127.0.0.1", "-p", &site.address().port().to_string(), "-V", version])
        .arg("--cafile")
        .arg(site.fleet.file("broker-ca/root.pem"))
        .arg("--cert")
        .arg(&credential.certificate)
        .arg("--key")
        .arg(&credential.key)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn mosquitto_clients_publish_and_subscribe_with_every_quality_of_service_in_both_versions() {
    let (Some(publisher), Some(subscriber)) = (Peer::mosquitto_pub(), Peer::mosquitto_sub()) else { return };
    let site = Site::new(PROGRAMS);
    for version in ["mqttv311", "mqttv5"] {
        let mark = site.broker.log().mark();
        // Three messages, then it ends; after 20 seconds in any case.
        let args = [
            "-i",
            "backend",
            "-q",
            "2",
            "-t",
            "devices/+/telemetry/#",
            "-C",
            "3",
            "-W",
            "20",
            "-F",
            "%t %q %p",
        ];
        let listening: Child =
            mosquitto(&subscriber, &site, &site.service, version, &args).spawn().expect("it starts");
        site.broker.log().line(mark, |line| line["event"] == "subscribe" && line["outcome"] == "allowed");
        for qos in ["0", "1", "2"] {
            let args = ["-i", "dev-1", "-t", "devices/dev-1/telemetry/a", "-q", qos, "-m", "hello"];
            run(&mut mosquitto(&publisher, &site, &site.device, version, &args)).stdout_of_success();
        }
        let heard = finish(listening).stdout_of_success();
        let expected = "devices/dev-1/telemetry/a 0 hello\ndevices/dev-1/telemetry/a 1 hello\ndevices/dev-1/telemetry/a 2 hello\n";
        assert_eq!(heard, expected, "{version}");
    }
}

#[test]
fn mosquitto_clients_are_refused_like_any_other() {
    let Some(publisher) = Peer::mosquitto_pub() else { return };
    let site = Site::new(PROGRAMS);
    for (version, words) in [("mqttv311", "identifier rejected"), ("mqttv5", "Client Identifier not valid")] {
        let args = ["-i", "dev-2", "-t", "devices/dev-2/telemetry/a", "-q", "1", "-m", "hello"];
        let refused = run(&mut mosquitto(&publisher, &site, &site.device, version, &args));
        assert_ne!(refused.code, 0);
        assert!(refused.stderr.contains(words), "{version}: {}", refused.stderr);
    }
    let mark = site.broker.log().mark();
    site.fleet.revoke("dev-1");
    site.broker.log().line(mark, |line| line["entries"] == 1);
    let args = ["-i", "dev-1", "-t", "devices/dev-1/telemetry/a", "-q", "1", "-m", "hello"];
    let mark = site.broker.log().mark();
    let refused = run(&mut mosquitto(&publisher, &site, &site.device, "mqttv5", &args));
    assert_ne!(refused.code, 0, "{}{}", refused.stdout, refused.stderr);
    assert_eq!(site.broker.log().refusal(mark)["reason"], "revoked");
}

#[test]
fn paho_makes_the_whole_journey_in_both_versions() {
    let Some(python) = Peer::python_with_paho() else { return };
    let site = Site::new(PROGRAMS);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/paho_journey.py");
    for version in ["4", "5"] {
        let journey = run(python
            .command()
            .arg(&script)
            .arg(site.address().port().to_string())
            .arg(site.fleet.file("broker-ca/root.pem"))
            .arg(version)
            .args([
                &site.device.certificate,
                &site.device.key,
                &site.service.certificate,
                &site.service.key,
            ]));
        assert!(journey.stderr.is_empty(), "version {version}: {}{}", journey.stdout, journey.stderr);
        assert!(journey.stdout_of_success().ends_with("done\n"));
    }
}

fn s_client(openssl: &Peer, address: SocketAddr, ca: &Path, args: &[&str]) -> Command {
    let mut command = openssl.command();
    command
        .args([
            "s_client",
            "-connect",
            &address.to_string(),
            "-verify_return_error",
            "-verify_ip",
            "127.0.0.1",
            "-CAfile",
        ])
        .arg(ca)
        .args(args);
    command
}

#[test]
fn openssl_s_client_shakes_hands_and_finds_nothing_a_small_device_could_not_take() {
    let Some(openssl) = Peer::openssl() else { return };
    let site = Site::new(PROGRAMS);
    let ca = site.fleet.file("broker-ca/root.pem");
    let (certificate, key) = (path(&site.device.certificate), path(&site.device.key));
    let shown = run(&mut s_client(&openssl, site.address(), &ca, &["-cert", &certificate, "-key", &key]));
    let shown = shown.stdout_of_success();
    for words in ["Verify return code: 0 (ok)", "TLSv1.3", "No client certificate CA names sent"] {
        assert!(shown.contains(words), "{words:?} is not in {shown}");
    }
    assert!(!shown.contains("Post-Handshake New Session Ticket"), "there are no tickets: {shown}");

    // CONNECT by hand, and CONNACK.
    let mut child = s_client(&openssl, site.address(), &ca, &["-quiet", "-cert", &certificate, "-key", &key])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    stdin.write_all(&Connect::new(Version::V311, "dev-1").packet()).expect("it reads");
    let mut stdout = child.stdout.take().expect("stdout is piped");
    let (sender, answer) = mpsc::channel();
    let reading = thread::spawn(move || {
        let mut connack = [0; 4];
        let read = stdout.read_exact(&mut connack);
        // Nobody listens any more once the deadline has passed.
        let _ = sender.send(read.map(|()| connack));
    });
    let answer = answer.recv_timeout(PATIENCE);
    child.kill().expect("a child can be killed");
    child.wait().expect("a child can be waited for");
    reading.join().expect("reading does not panic");
    assert_eq!(answer.expect("an answer in time").expect("four bytes"), [0x20, 2, 0, 0]);
}

#[test]
fn openssl_s_client_is_told_that_a_certificate_is_required() {
    let Some(openssl) = Peer::openssl() else { return };
    let site = Site::new(PROGRAMS);
    let mut child = s_client(&openssl, site.address(), &site.fleet.file("broker-ca/root.pem"), &["-quiet"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // It ends by itself when the broker closes the connection.
    let stdin = child.stdin.take();
    let ended = finish(child);
    drop(stdin);
    assert!(ended.stderr.contains("certificate required"), "{}", ended.stderr);
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn openssl_verify_and_explain_agree() {
    let Some(openssl) = Peer::openssl() else { return };
    let site = Site::new(PROGRAMS);
    let [revoked, suspended, resumed] =
        <[Credential; 3]>::try_from(site.fleet.devices(&["dev-2", "dev-3", "dev-4"])).expect("three devices");
    site.fleet.revoke("dev-2");
    site.fleet.suspend("dev-3");
    site.fleet.suspend("dev-4");
    site.fleet.resume("dev-4");
    let insider = Forger::with_key_of(&site.fleet, "device-ca");
    let expired = insider.altered("dev-1", |params| {
        params.not_before = now() - 2 * DAY;
        params.not_after = now() - DAY;
    });
    let not_yet = insider.altered("dev-1", |params| params.not_before = now() + DAY);
    let broken = insider.with_broken_signature("dev-1");
    let namesake = Forger::named_like(&site.fleet, "device-ca").certificate("dev-1");
    let foreign = Forger::stranger(&site.fleet).certificate("dev-1");
    let server = insider.altered("dev-1", |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    });

    // The numbers are those of `openssl verify`: X509_V_ERR_….
    for (what, credential, error, reason) in [
        ("good", &site.device, None, None),
        ("resumed", &resumed, None, None),
        ("revoked", &revoked, Some(23), Some("revoked")),
        ("suspended", &suspended, Some(23), Some("suspended")),
        ("expired", &expired, Some(10), Some("expired")),
        ("not yet valid", &not_yet, Some(9), Some("not_yet_valid")),
        ("foreign", &foreign, Some(20), Some("unknown_ca")),
        ("a namesake's", &namesake, Some(7), Some("bad_signature")),
        ("a broken signature", &broken, Some(7), Some("bad_signature")),
        ("a server's", &server, Some(26), Some("wrong_usage")),
    ] {
        let leaf = site.fleet.beside("leaf.pem");
        let der = CertificateDer::from_pem_file(&credential.certificate).expect("a certificate");
        std::fs::write(&leaf, integration_tests::pki::certificate_pem(&der)).expect("a file can be written");
        let verified = run(openssl
            .command()
            .args(["verify", "-crl_check", "-purpose", "sslclient", "-CAfile"])
            .arg(site.fleet.file("device-ca/root.pem"))
            .arg("-untrusted")
            .arg(site.fleet.file("device-ca/issuing.pem"))
            .arg("-CRLfile")
            .arg(site.fleet.file("crl/device-ca.crl"))
            .arg(&leaf));
        let explained =
            operate(&site.fleet, "explain", &["--json", "--cert", &path(&credential.certificate)]);
        assert_eq!(explained.json()["reason"].as_str(), reason, "{what}: {}", explained.stdout);
        match error {
            None => assert_eq!(verified.code, 0, "{what}: {}", verified.stderr),
            Some(number) => {
                assert_ne!(verified.code, 0, "{what}: {}", verified.stdout);
                let words = format!("error {number} at 0 depth");
                assert!(verified.stderr.contains(&words), "{what}: {}", verified.stderr);
            }
        }
        assert_eq!(explained.code == 0, verified.code == 0, "{what}");
    }
}
