//! Policies that ask more of a client than its trust: each condition against clients that meet it and clients that do not, in
//! a running broker and by `explain`.

#![forbid(unsafe_code)]

use integration_tests::broker::operate;
use integration_tests::client::{Client, Heard};
use integration_tests::credential::Credential;
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::program::Programs;
use integration_tests::site::Site;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

const FIRST: &str = "[[policy]]\nname = \"devices\"";

/// A policy that denies whoever meets `condition`.
fn denying(condition: &str) -> String {
    format!("[[policy]]\nname = \"asked\"\nmatch = {{ {condition} }}\naction = \"deny\"\n\n{FIRST}")
}

/// Whether a client is denied, by the broker.
fn is_denied(site: &Site, credential: &Credential, connect: &Connect) -> bool {
    match Client::attempt(site.address(), &site.tls(credential), connect).1 {
        Heard::Packet(packet) if packet.is(Kind::ConnAck) => packet.reason_code() != 0,
        heard => panic!("{heard:?}"),
    }
}

fn explained(site: &Site, credential: &Credential, args: &[&str]) -> serde_json::Value {
    let certificate = credential.certificate.display().to_string();
    operate(&site.fleet, "explain", &[&["--json", "--cert", &certificate], args].concat()).json()
}

#[test]
fn each_condition_is_met_by_whom_it_describes() {
    let site = Site::new(PROGRAMS);
    let device = explained(&site, &site.device, &[]);
    let text = |key: &str| device[key].as_str().expect("a text").to_owned();
    let issuer = text("issuer");
    let organization =
        issuer.split("O=").nth(1).expect("an organization").split(',').next().expect("it").to_owned();
    // Denied: dev-1 with MQTT 3.1.1, dev-1 with MQTT 5, the service.
    let cases: Vec<(String, [bool; 3])> = vec![
        (format!("issuer = {issuer:?}"), [true, true, false]),
        (format!("issuer = [\"CN=Nobody\", {issuer:?}]"), [true, true, false]),
        ("issuer = \"CN=Nobody\"".into(), [false, false, false]),
        ("fields = { CN = \"dev-1\" }".into(), [true, true, false]),
        ("fields = { CN = [\"dev-10\", \"backend\"] }".into(), [false, false, true]),
        ("fields = { \"2.5.4.3\" = \"dev-1\" }".into(), [true, true, false]),
        ("fields = { CN = \"DEV-1\" }".into(), [false, false, false]),
        ("fields = { \"SAN:email\" = \"dev-1\" }".into(), [false, false, false]),
        (format!("fields = {{ \"issuer:O\" = {organization:?} }}"), [true, true, true]),
        (format!("fields = {{ CN = \"dev-1\", \"issuer:O\" = {organization:?} }}"), [true, true, false]),
        (format!("cert-sha256 = {:?}", text("fingerprint_sha256")), [true, true, false]),
        (format!("cert-sha256 = {:?}", text("fingerprint_sha256").to_uppercase()), [true, true, false]),
        (format!("spki-sha256 = {:?}", text("fingerprint_sha256")), [false, false, false]),
        ("ends-within = \"36500d\"".into(), [true, true, true]),
        ("ends-within = \"1h\"".into(), [false, false, false]),
        ("listener = \"0.0.0.0:8883\"".into(), [true, true, true]),
        ("source = \"127.0.0.0/8\"".into(), [true, true, true]),
        ("source = \"127.0.0.1\"".into(), [true, true, true]),
        ("source = [\"10.0.0.0/8\", \"::1\"]".into(), [false, false, false]),
        ("mqtt-version = \"5\"".into(), [false, true, true]),
        ("mqtt-version = [\"3.1.1\"]".into(), [true, false, false]),
        ("any = [{ trust = \"service-ca\" }, { mqtt-version = \"3.1.1\" }]".into(), [true, false, true]),
        ("all = [{ trust = \"device-ca\" }, { mqtt-version = \"5\" }]".into(), [false, true, false]),
        ("trust = \"device-ca\", mqtt-version = \"5\"".into(), [false, true, false]),
        ("not = { trust = \"device-ca\" }".into(), [false, false, true]),
        ("not = [{ trust = \"device-ca\" }, { mqtt-version = \"5\" }]".into(), [true, false, true]),
        ("not = { identity = [\"dev-1\", \"nobody\"] }".into(), [false, false, true]),
        (
            "any = [{ not = { source = \"127.0.0.0/8\" } }, { fields = { CN = \"dev-1\" } }]".into(),
            [true, true, false],
        ),
    ];
    let clients = [
        (&site.device, Connect::new(Version::V311, "dev-1"), "3.1.1"),
        (&site.device, Connect::new(Version::V5, "dev-1"), "5"),
        (&site.service, Connect::new(Version::V5, "backend"), "5"),
    ];
    let mut before = FIRST.to_owned();
    for (condition, denied) in cases {
        let policies = denying(&condition);
        site.fleet.configure(&before, &policies);
        before = policies;
        let reload = operate(&site.fleet, "reload", &[]);
        assert_eq!(reload.code, 0, "{condition}: {}", reload.stderr);
        let found = clients.each_ref().map(|(credential, connect, _)| is_denied(&site, credential, connect));
        assert_eq!(found, denied, "{condition}");
        let told = clients.each_ref().map(|(credential, _, version)| {
            let said = explained(&site, credential, &["--source", "127.0.0.1", "--mqtt-version", version]);
            assert_eq!(said["differs"], false, "{condition}: {said}");
            said["reason"] == "policy_denied"
        });
        assert_eq!(told, denied, "explain: {condition}");
    }
}

/// A condition may be met by nothing but the time that passes, and then the session ends.
#[test]
fn a_session_is_judged_again_when_its_certificate_comes_near_its_end() {
    let site = Site::configured(PROGRAMS, |fleet| {
        fleet.configure(FIRST, &denying("ends-within = \"1d\""));
    });
    let forger = integration_tests::pki::Forger::with_key_of(&site.fleet, "device-ca");
    let soon = std::time::Duration::from_secs(5);
    let short = forger.altered("dev-1", |params| {
        params.not_after = integration_tests::pki::now() + integration_tests::pki::DAY + soon;
    });
    let mark = site.broker.log().mark();
    let mut client = site.connect(&short, &Connect::new(Version::V5, "dev-1"));
    assert!(client.is_alive());
    let closed = site.broker.log().line(mark, |line| line["event"] == "session_closed");
    assert_eq!(closed["reason"], "policy_denied", "{closed}");
    assert!(is_denied(&site, &short, &Connect::new(Version::V5, "dev-1")));
}

/// What other systems call a certificate by, as OpenSSL and Python find it out.
#[test]
fn the_variables_of_other_systems_are_what_openssl_says() {
    use std::process::Command;
    let site = Site::new(PROGRAMS);
    let said = explained(&site, &site.device, &[]);
    let openssl = |args: &[&str]| {
        let output = Command::new("openssl")
            .args(["x509", "-noout", "-in"])
            .arg(&site.device.certificate)
            .args(args)
            .output();
        String::from_utf8(output.expect("openssl is installed").stdout).expect("text").trim().to_owned()
    };
    for (key, digest) in [("fingerprint_sha1", "-sha1"), ("fingerprint_sha256", "-sha256")] {
        let printed = openssl(&["-fingerprint", digest]);
        let wanted = printed.split('=').nth(1).expect("a digest").replace(':', "").to_lowercase();
        assert_eq!(said[key], wanted.as_str(), "{key}");
    }
    for (key, option) in [("subject", "-subject"), ("issuer", "-issuer")] {
        let printed = openssl(&[option, "-nameopt", "RFC2253"]);
        assert_eq!(said[key], printed.split_once('=').expect("a name").1, "{key}");
    }
    let python = std::env::var("COUNTERSIGN_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let unquoted = Command::new(python)
        .args(["-c", "import sys, urllib.parse; print(urllib.parse.unquote(sys.argv[1]), end='')"])
        .arg(said["pem_escaped"].as_str().expect("a text"))
        .output()
        .expect("python is installed");
    let pem = std::fs::read_to_string(&site.device.certificate).expect("a certificate");
    assert!(pem.starts_with(&String::from_utf8(unquoted.stdout).expect("text")), "{said}");
    let left = said["seconds_remaining"].as_i64().expect("a number");
    assert!(left > 0, "{said}");
    assert_eq!(said["verdict"], "SUCCESS");
}
