//! The table "From Azion".

use std::fs;
use std::time::Instant;

use integration_tests::client::PATIENCE;
use integration_tests::file_server::{Behaviour, FileServer};
use integration_tests::pki::{DAY, Forger, now};
use rcgen::DnType;

use crate::echo_origin::EchoOrigin;
use crate::mqtt_clients::{Outcome, publish};
use crate::place::Place;
use crate::table::Row;

rows! {
    "Azion":
    trusted_certificates "trusted CA certificate, several per domain"
    certificate_sets "a certificate set for each domain"
    enforce "`enforce`"
    permissive "`permissive`"
    rules_engine "rules engine on `ssl_client_verify`"
    revocation_list "certificate revocation list, by API"
    variables "variables `ssl_client_…` in rules and headers"
    fingerprint "fingerprint (SHA-1)"
    subject "subject as `/C=…/CN=…`"
}

fn trusted_certificates(row: &Row) {
    let place = Place::with_device().start();
    let Some(checked) = place.run(row) else { return };
    let checked = checked.stdout_of_success();
    assert_eq!(checked.matches("\nlistener ").count(), 1, "{checked}");
    for trust in ["device-ca", "service-ca"] {
        let (_, below) = checked.split_once(&format!("  trust {trust} (")).expect("it is listed");
        assert!(below.contains("\n    anchor CN="), "{checked}");
    }
    // A client of each is let in.
    let (device, service) = (place.fleet.device("pump-2"), place.fleet.service("backend"));
    for (id, topic, credential) in [
        ("pump-2", "devices/pump-2/telemetry/a", &device),
        ("backend", "devices/pump-2/commands/a", &service),
    ] {
        let Some(outcome) = publish(&place, Some(credential), id, topic, &[]) else { return };
        assert_eq!(outcome, Outcome::Published, "{id}");
    }
}

/// Another name has another certificate and other trusts: there the device is a stranger.
fn certificate_sets(row: &Row) {
    let place = Place::with_device();
    let mut text = fs::read_to_string(place.fleet.file("broker.toml")).expect("a configuration");
    let (_, rest) = text.split_once("[identity]").expect("a section");
    let rest = rest.to_owned();
    text.clear();
    for (server, trust) in [("fleet.example", "device-ca"), ("office.example", "service-ca")] {
        place.fleet.provision(&["broker-cert", "--only", "--host", server]).stdout_of_success();
        fs::create_dir(place.fleet.file(server)).expect("a directory");
        for file in ["cert.pem", "key.pem"] {
            let from = place.fleet.file("broker").join(file);
            fs::copy(from, place.fleet.file(server).join(file)).expect("a copy");
        }
        text += &format!(
            "[[listener]]\naddress = \"127.0.0.1:0\"\nserver-names = [\"{server}\"]\n\
             server-cert = \"{server}/cert.pem\"\nserver-key = \"{server}/key.pem\"\n\
             [[listener.trust]]\nname = \"{trust}\"\nanchors = [\"{trust}/issuing.pem\"]\n\
             crl = [\"crl/{trust}.crl\"]\n\n"
        );
    }
    fs::write(place.fleet.file("broker.toml"), format!("{text}[identity]{rest}")).expect("a configuration");
    let place = place.start_at_one_address();
    let Some(explained) = place.run(row) else { return };
    let explained = explained.stdout_of_success();
    assert!(explained.contains("trust        device-ca") && explained.contains("allowed"), "{explained}");
    let other = place.sh(&row.command.replace("fleet.example", "office.example"));
    assert_eq!(other.code, 6, "{}", other.stdout);
    assert!(other.stdout.contains("refused: unknown_ca"), "{}", other.stdout);
    let certified = place.sh(
        "openssl s_client -connect localhost:8883 -servername office.example -verify_hostname office.example \
         -verify_return_error -CAfile fleet/broker-ca/root.pem </dev/null",
    );
    assert!(certified.stdout.contains("Verify return code: 0 (ok)"), "{}", certified.stdout);
}

fn enforce(row: &Row) {
    let place = Place::with_device().start();
    let Some(ended) = place.run(row) else { return };
    assert_ne!(ended.code, 0);
    assert!(ended.stderr.contains("alert certificate required"), "{}{}", ended.stdout, ended.stderr);
}

fn permissive(row: &Row) {
    let place = Place::with_device();
    place.fleet.configure("mode = \"enforce\"", "mode = \"permissive\"");
    place.precede_policies(
        "[[policy]]\nname = \"visitors\"\nmatch = { verdict = \"NONE\" }\naction = \"quarantine\"\nclient-id = \"free\"\npublish = [\"lobby/#\"]",
    );
    let place = place.start();
    let Some(explained) = place.run(row) else { return };
    let explained = explained.stdout_of_success();
    for words in ["verdict      NONE", "policy       visitors", "decision     allowed"] {
        assert!(explained.contains(words), "{words}: {explained}");
    }
    let Some(outcome) = publish(&place, None, "anybody", "lobby/a", &[]) else { return };
    assert_eq!(outcome, Outcome::Published);
}

fn rules_engine(row: &Row) {
    let place = Place::with_device();
    place.fleet.configure("mode = \"enforce\"", "mode = \"permissive\"");
    place.precede_policies(
        "[[policy]]\nname = \"watch\"\nmatch = { verdict = [\"FAILED\", \"NONE\"] }\naction = \"report\"\n\n\
         [[policy]]\nname = \"late\"\nmatch = { verdict = \"FAILED\" }\naction = \"quarantine\"\nclient-id = \"free\"\npublish = [\"lobby/#\"]\n\n\
         [[policy]]\nname = \"nobody\"\nmatch = { verdict = \"NONE\" }\naction = \"deny\"",
    );
    let insider = Forger::with_key_of(&place.fleet, "device-ca");
    let ended = insider.altered("pump-2", |params| {
        params.not_before = now() - 30 * DAY;
        params.not_after = now() - DAY;
    });
    let place = place.start();
    for (credential, wanted) in [(Some(&ended), Outcome::Published), (None, Outcome::Refused)] {
        let Some(outcome) = publish(&place, credential, "anybody", "lobby/a", &[]) else { return };
        assert_eq!(outcome, wanted, "{credential:?}");
    }
    let Some(status) = place.run(row) else { return };
    let status = status.stdout_of_success();
    for words in ["would be refused", "expired: CN=pump-2,O=Acme", "no_certificate"] {
        assert!(status.contains(words), "{words}: {status}");
    }
}

fn revocation_list(row: &Row) {
    let server = FileServer::start(Behaviour::Hangs);
    let place = Place::with_device();
    let publish_list = |place: &Place| {
        server.set(Behaviour::Sends(fs::read(place.fleet.file("crl/device-ca.crl")).expect("a list")));
    };
    publish_list(&place);
    place.fleet.configure("\"crl/device-ca.crl\"", &format!("{:?}", server.url("ca.crl")));
    place.fleet.configure("[identity]", "[fetch]\ninterval = \"1s\"\n\n[identity]");
    let place = place.start();
    let Some(status) = place.run(row) else { return };
    let status = status.stdout_of_success();
    assert!(status.contains(&format!("fetched list             {}", server.url("ca.crl"))), "{status}");
    assert!(!status.contains(", 1 revoked, "), "{status}");
    place.fleet.revoke("pump-1");
    publish_list(&place);
    let begin = Instant::now();
    while !place.sh(&row.command).stdout.contains(", 1 revoked, ") {
        assert!(begin.elapsed() < PATIENCE, "the new list is not noticed");
    }
}

/// Each of their names, with hyphens, and the value that OpenSSL has for some.
fn variables(row: &Row) {
    let place = Place::with_device();
    let origin = EchoOrigin::start();
    place.serve_headers(&origin, "azion", "devices");
    let place = place.start();
    let Some(answer) = place.run(row) else { return };
    let head = answer.stdout_of_success().to_ascii_lowercase();
    for name in [
        "fingerprint",
        "escaped-cert",
        "cert",
        "s-dn",
        "s-dn-parsed",
        "i-dn",
        "serial",
        "v-start",
        "v-end",
        "v-remain",
        "verify",
    ] {
        assert_eq!(head.matches(&format!("\r\nx-ssl-client-{name}: ")).count(), 1, "{name}: {head}");
    }
    assert!(head.contains("\r\nx-ssl-client-verify: success\r\n"), "{head}");
    assert!(
        head.contains(&format!("\r\nx-ssl-client-fingerprint: {}\r\n", place.fingerprint("sha1"))),
        "{head}"
    );
}

fn fingerprint(row: &Row) {
    let place = Place::with_device();
    place.precede_policies(&format!(
        "[[policy]]\nname = \"one\"\nmatch = {{ cert-sha256 = \"{}\" }}\naction = \"allow\"",
        place.fingerprint("sha256")
    ));
    let place = place.start();
    let Some(explained) = place.run(row) else { return };
    assert_eq!(explained.code, 0, "{}", explained.stderr);
    let explained = explained.json();
    for hash in ["sha1", "sha256"] {
        assert_eq!(explained[format!("fingerprint_{hash}")], place.fingerprint(hash), "{hash}");
    }
    assert_eq!(explained["policy"], "one");
}

/// OpenSSL's one-line form cannot tell these two organizations apart; a rule about one is not for the other.
fn subject(row: &Row) {
    let place = Place::with_device();
    let insider = Forger::with_key_of(&place.fleet, "device-ca");
    let slash = insider.altered("pump-1", |params| {
        params.distinguished_name.push(DnType::OrganizationName, "Acme/OU=Boss");
    });
    let levels = insider.altered("pump-1", |params| {
        params.distinguished_name.push(DnType::OrganizationalUnitName, "Boss");
    });
    place.precede_policies(
        "[[policy]]\nname = \"slash\"\nmatch = { fields = { O = \"Acme/OU=Boss\" } }\naction = \"deny\"",
    );
    let place = place.start();
    for (credential, subject, code) in
        [(&slash, "CN=pump-1,O=Acme/OU=Boss", 6), (&levels, "OU=Boss,CN=pump-1,O=Acme", 0)]
    {
        place.shows(credential);
        let Some(explained) = place.run(row) else { return };
        assert_eq!(explained.code, code, "{}", explained.stdout);
        assert!(explained.stdout.contains(&format!("certificate  {subject}\n")), "{}", explained.stdout);
    }
}
