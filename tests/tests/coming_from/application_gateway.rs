//! The table "From Application Gateway".

use std::fs;

use integration_tests::credential::Credential;
use integration_tests::pki::{DAY, Forger, certificate_pem, now};

use crate::echo_origin::EchoOrigin;
use crate::mqtt_clients::{Outcome, publish};
use crate::place::Place;
use crate::table::Row;

rows! {
    "Application Gateway":
    certificate_chain "trusted client CA certificate chain"
    several_chains "several certificate chains in an SSL profile"
    profile_of_each_listener "an SSL profile for each listener"
    issuer "verify client certificate issuer's DN"
    ocsp "OCSP revocation check"
    revocation_lists "no CRLs"
    passthrough "passthrough to a backend"
    server_variables "server variables `client_certificate_…`"
    verification "`client_certificate_verification` SUCCESS, FAILED:reason, NONE"
    own_key "the private key stays with the client"
}

/// What a new fleet has for its devices.
const ANCHORS_AND_LIST: &str = "anchors = [\"device-ca/issuing.pem\"]\n\
                                crl = [\"crl/device-ca.crl\"]        # reloaded when it changes\ncrl-check = \"leaf\"\n";

/// The name of the CA that has issued `c.pem`, as OpenSSL prints it.
fn issuer_of_the_client(place: &Place) -> String {
    let shown = place.sh("openssl x509 -in c.pem -noout -issuer -nameopt RFC2253").stdout_of_success();
    shown.trim().strip_prefix("issuer=").expect("the name of the issuer").to_owned()
}

/// The client sends its own certificate alone.
fn certificate_chain(row: &Row) {
    let place = Place::with_device();
    let leaf = certificate_pem(&place.client().chain()[0]);
    fs::write(place.fleet.beside("c.pem"), leaf).expect("a file");
    let anchors = "anchors = [\"device-ca/root.pem\"]\ncrl-check = \"off\"\n";
    place.fleet.configure(ANCHORS_AND_LIST, anchors);
    let without = place.sh(&row.command);
    assert!(without.code == 6 && without.stdout.contains("refused: unknown_ca"), "{}", without.stdout);
    place.fleet.configure(anchors, &format!("{anchors}intermediates = [\"device-ca/issuing.pem\"]\n"));
    let place = place.start();
    let Some(explained) = place.run(row) else { return };
    explained.stdout_of_success();
    let credential = place.client();
    let Some(outcome) = publish(&place, Some(&credential), "pump-1", "devices/pump-1/telemetry/a", &[])
    else {
        return;
    };
    assert_eq!(outcome, Outcome::Published);
}

fn several_chains(row: &Row) {
    let place = Place::with_device();
    let (partner, anchor) = Forger::authority(&place.fleet, |_| {});
    fs::write(place.fleet.file("partner.pem"), anchor).expect("a file");
    place.fleet.configure(
        "[identity]",
        "[[listener.trust]]\nname = \"partner-ca\"\nanchors = [\"partner.pem\"]\ncrl-check = \"off\"\n\n[identity]",
    );
    place.precede_policies(
        "[[policy]]\nname = \"partners\"\nmatch = { trust = \"partner-ca\" }\naction = \"allow\"\npublish = [\"partners/#\"]",
    );
    let place = place.start();
    let Some(checked) = place.run(row) else { return };
    let checked = checked.stdout_of_success();
    assert_eq!(checked.matches("\n  trust ").count(), 3, "{checked}");
    assert!(checked.contains("\n    anchor CN=Stranger CA,O=Acme"), "{checked}");
    let credential = partner.certificate("mixer-1");
    let Some(outcome) = publish(&place, Some(&credential), "mixer-1", "partners/a", &[]) else { return };
    assert_eq!(outcome, Outcome::Published);
}

/// The first trusts devices alone, the second services alone.
fn profile_of_each_listener(row: &Row) {
    let place = Place::with_device();
    let service = place.fleet.service("backend");
    let text = fs::read_to_string(place.fleet.file("broker.toml")).expect("a configuration");
    let (_, rest) = text.split_once("[identity]").expect("a section");
    let listener = |transport: &str, trust: &str| {
        format!(
            "[[listener]]\naddress = \"127.0.0.1:0\"\ntransport = \"{transport}\"\nserver-cert = \"broker/cert.pem\"\n\
             server-key = \"broker/key.pem\"\n[[listener.trust]]\nname = \"{trust}\"\n\
             anchors = [\"{trust}/issuing.pem\"]\ncrl = [\"crl/{trust}.crl\"]\n\n"
        )
    };
    let text = [&listener("tls", "device-ca"), &listener("https", "service-ca"), "[identity]", rest].concat();
    fs::write(place.fleet.file("broker.toml"), text).expect("a configuration");
    let place = place.start();
    let Some(status) = place.run(row) else { return };
    let status = status.stdout_of_success();
    for address in place.broker().addresses() {
        assert!(status.contains(&format!("listener                 {address}\n")), "{address}: {status}");
    }
    let who = "curl --silent --cacert fleet/broker-ca/root.pem --cert c.pem --key c.key \
               https://localhost:8443/.well-known/countersign";
    let stranger = place.sh(who);
    assert_ne!(stranger.code, 0, "{}", stranger.stdout);
    place.shows(&service);
    assert_eq!(place.sh(who).json()["identity"], "backend");
}

/// Another CA of the same trust is not on the list.
fn issuer(row: &Row) {
    let place = Place::with_device();
    let ours = issuer_of_the_client(&place);
    let (other, anchor) = Forger::authority(&place.fleet, |_| {});
    fs::write(place.fleet.file("other.pem"), anchor).expect("a file");
    place.fleet.configure(
        ANCHORS_AND_LIST,
        &format!(
            "anchors = [\"device-ca/issuing.pem\", \"other.pem\"]\ncrl-check = \"off\"\nissuers = [\"{ours}\"]\n"
        ),
    );
    place.precede_policies(&format!(
        "[[policy]]\nname = \"by-issuer\"\nmatch = {{ issuer = \"{ours}\" }}\naction = \"allow\""
    ));
    let place = place.start();
    let Some(explained) = place.run(row) else { return };
    let explained = explained.stdout_of_success();
    assert!(explained.contains("policy       by-issuer"), "{explained}");
    let credential = other.certificate("pump-1");
    place.shows(&credential);
    let refused = place.sh(&row.command);
    assert_eq!(refused.code, 6, "{}", refused.stdout);
    assert!(refused.stdout.contains("refused: not_pinned"), "{}", refused.stdout);
    let Some(outcome) = publish(&place, Some(&credential), "pump-1", "a", &[]) else { return };
    assert_eq!(outcome, Outcome::Refused);
}

fn ocsp(row: &Row) {
    let place = Place::with_device();
    place.trust_devices_with("ocsp = \"require\"\nocsp-allow = [\"http://127.0.0.1:1/\"]");
    place.fleet.configure(
        "[[listener.trust]]\nname = \"service-ca\"\n",
        "[[listener.trust]]\nname = \"service-ca\"\nocsp = \"prefer\"\nocsp-allow = [\"http://127.0.0.1:1/\"]\n",
    );
    let service = place.fleet.service("backend");
    let place = place.start();
    let Some(explained) = place.run(row) else { return };
    assert_eq!(explained.code, 6, "{}", explained.stdout);
    assert!(explained.stdout.contains("refused: revoked"), "{}", explained.stdout);
    // Nobody answers: where it is required, the first connection is not let in.
    for (id, topic, credential, wanted) in [
        ("pump-1", "devices/pump-1/telemetry/a", &place.client(), Outcome::Refused),
        ("backend", "devices/pump-1/commands/a", &service, Outcome::Published),
    ] {
        let Some(outcome) = publish(&place, Some(credential), id, topic, &[]) else { return };
        assert_eq!(outcome, wanted, "{id}");
    }
}

fn revocation_lists(row: &Row) {
    let place = Place::with_device();
    place.trust_devices_with("ocsp = \"prefer\"\nocsp-allow = [\"http://127.0.0.1:1/\"]");
    place.fleet.revoke("pump-1");
    let place = place.start();
    let Some(status) = place.run(row) else { return };
    let status = status.stdout_of_success();
    for list in ["of CN=Device Issuing CA", "of CN=Service Issuing CA"] {
        let is_about_it = |line: &str| line.trim().starts_with("revocation list") && line.contains(list);
        assert!(status.lines().any(is_about_it), "{list}: {status}");
    }
    // A list that is fresh decides while no responder answers.
    let credential = place.client();
    let Some(outcome) = publish(&place, Some(&credential), "pump-1", "devices/pump-1/telemetry/a", &[])
    else {
        return;
    };
    assert_eq!(outcome, Outcome::Refused);
}

fn passthrough(row: &Row) {
    let place = Place::with_device();
    let origin = EchoOrigin::start();
    place.fleet.configure("mode = \"enforce\"", "mode = \"permissive\"");
    place.serve_headers(&origin, "app-gateway", "visitors");
    place.precede_policies(
        "[[policy]]\nname = \"visitors\"\nmatch = { verdict = [\"FAILED\", \"NONE\"] }\naction = \"allow\"",
    );
    let stranger = Forger::stranger(&place.fleet).certificate("pump-1");
    let place = place.start();
    let Some(answer) = place.run(row) else { return };
    let head = answer.stdout_of_success().to_ascii_lowercase();
    assert!(head.contains("\r\nx-client-certificate-verification: none\r\n"), "{head}");
    place.shows(&stranger);
    let head = place.sh(&row.command.replace("https:", "--cert c.pem --key c.key https:"));
    let head = head.stdout_of_success().to_ascii_lowercase();
    assert!(head.contains("\r\nx-client-certificate-verification: failed:unknown_ca\r\n"), "{head}");
}

fn server_variables(row: &Row) {
    let place = Place::with_device();
    let origin = EchoOrigin::start();
    place.serve_headers(&origin, "app-gateway", "devices");
    let place = place.start();
    let Some(answer) = place.run(row) else { return };
    let head = answer.stdout_of_success().to_ascii_lowercase();
    for name in
        ["", "-end-date", "-fingerprint", "-issuer", "-serial", "-start-date", "-subject", "-verification"]
    {
        assert_eq!(head.matches(&format!("\r\nx-client-certificate{name}: ")).count(), 1, "{name}: {head}");
    }
    assert!(head.contains("\r\nx-client-certificate-verification: success\r\n"), "{head}");
    let fingerprint = place.fingerprint("sha1");
    assert!(head.contains(&format!("\r\nx-client-certificate-fingerprint: {fingerprint}\r\n")), "{head}");
}

fn verification(row: &Row) {
    let place = Place::with_device();
    place.fleet.configure("mode = \"enforce\"", "mode = \"permissive\"");
    place.precede_policies(
        "[[policy]]\nname = \"late\"\nmatch = { verdict = \"FAILED:expired\" }\naction = \"quarantine\"",
    );
    let insider = Forger::with_key_of(&place.fleet, "device-ca");
    let ended = insider.altered("pump-1", |params| {
        params.not_before = now() - 30 * DAY;
        params.not_after = now() - DAY;
    });
    let place = place.start();
    let valid = place.client();
    let verdicts: [(&Credential, &str, &str); 2] =
        [(&valid, "SUCCESS", "devices"), (&ended, "FAILED:expired", "late")];
    for (credential, verdict, policy) in verdicts {
        place.shows(credential);
        let Some(explained) = place.run(row) else { return };
        let explained = explained.json();
        assert_eq!((&explained["verdict"], &explained["policy"]), (&verdict.into(), &policy.into()));
    }
    let none = place.sh(&row.command.replace("--cert c.pem", "--no-certificate")).json();
    assert_eq!(none["verdict"], "NONE");
}

/// The key is OpenSSL's, and never in the fleet directory.
fn own_key(row: &Row) {
    let place = Place::new();
    place
        .sh("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -keyout c.key \
             -subj /CN=pump-9 -out device.csr")
        .stdout_of_success();
    let place = place.start();
    let Some(signed) = place.run(row) else { return };
    signed.stdout_of_success();
    let certificate = place.fleet.file("images/pump-9.cert.pem");
    assert!(!place.fleet.file("images/pump-9.key.pem").exists(), "nobody else has the key");
    let credential = Credential { certificate, key: place.fleet.beside("c.key") };
    let Some(outcome) = publish(&place, Some(&credential), "pump-9", "devices/pump-9/telemetry/a", &[])
    else {
        return;
    };
    assert_eq!(outcome, Outcome::Published);
}
