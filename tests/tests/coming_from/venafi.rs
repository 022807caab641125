//! The table "From Venafi".

use std::fs;

use integration_tests::broker::Mark;
use integration_tests::pki::Forger;
use rcgen::SanType;

use crate::mqtt_clients::{Outcome, publish};
use crate::place::Place;
use crate::table::Row;

rows! {
    "Venafi":
    fingerprint "certificate authentication: a certificate's fingerprint is a user's"
    serial_number "the serial number of a given CA"
    user_from_the_certificate "a user from the subject or an alternative name"
    second_factor "a certificate together with a password or an identity provider"
    audit "which component asks, for the audit"
    inventory "inventory and expiry"
}

/// Runs the command for the pinned client, and for another one of the same CA.
fn lets_in_the_pinned_alone(row: &Row, place: Place) {
    let other = place.fleet.device("pump-2");
    let place = place.start();
    let Some(explained) = place.run(row) else { return };
    explained.stdout_of_success();
    let pinned = place.client();
    place.shows(&other);
    let refused = place.sh(&row.command);
    assert_eq!(refused.code, 6, "{}", refused.stdout);
    assert!(refused.stdout.contains("refused: not_pinned"), "{}", refused.stdout);
    for (id, credential, wanted) in
        [("pump-1", &pinned, Outcome::Published), ("pump-2", &other, Outcome::Refused)]
    {
        let topic = format!("devices/{id}/telemetry/a");
        let Some(outcome) = publish(&place, Some(credential), id, &topic, &[]) else { return };
        assert_eq!(outcome, wanted, "{id}");
    }
}

fn fingerprint(row: &Row) {
    let place = Place::with_device();
    let fingerprint = place.fingerprint("sha256");
    place.trust_devices_with(&format!("pins = [{{ cert-sha256 = \"{fingerprint}\" }}]"));
    place.precede_policies(&format!(
        "[[policy]]\nname = \"one\"\nmatch = {{ cert-sha256 = \"{fingerprint}\" }}\naction = \"allow\"\n\
         publish = [\"devices/{{device-id}}/telemetry/#\"]"
    ));
    lets_in_the_pinned_alone(row, place);
}

fn serial_number(row: &Row) {
    let place = Place::with_device();
    let shown =
        place.sh("openssl x509 -in c.pem -noout -issuer -serial -nameopt RFC2253").stdout_of_success();
    let value = |name: &str| shown.lines().find_map(|line| line.strip_prefix(name)).expect("it is printed");
    let (issuer, serial) = (value("issuer="), value("serial=").to_ascii_lowercase());
    place.trust_devices_with(&format!("pins = [{{ issuer = \"{issuer}\", serial = \"{serial}\" }}]"));
    lets_in_the_pinned_alone(row, place);
}

fn user_from_the_certificate(row: &Row) {
    let place = Place::with_device();
    place.fleet.configure(
        "device-id = \"{CN}\"",
        "device-id = [\n    \"{SAN:email|local-part}\",\n    { template = \"{SAN:DNS}\", \
         regex = '([a-z0-9-]+)\\.pumps\\.acme\\.test' },\n    \"{CN}\",\n]",
    );
    let place = place.start();
    let insider = Forger::with_key_of(&place.fleet, "device-ca");
    let named = |name: SanType| insider.altered("box", |params| params.subject_alt_names = vec![name]);
    let text = |text: &str| text.try_into().expect("ASCII");
    for (credential, identity) in [
        (insider.certificate("pump-1"), "pump-1"),
        (named(SanType::Rfc822Name(text("pump-2@acme.test"))), "pump-2"),
        (named(SanType::DnsName(text("pump-3.pumps.acme.test"))), "pump-3"),
    ] {
        place.shows(&credential);
        let Some(explained) = place.run(row) else { return };
        let explained = explained.stdout_of_success();
        assert!(explained.contains(&format!("identity     {identity}\n")), "{explained}");
        let topic = format!("devices/{identity}/telemetry/a");
        let Some(outcome) = publish(&place, Some(&credential), identity, &topic, &[]) else { return };
        assert_eq!(outcome, Outcome::Published, "{identity}");
    }
}

fn second_factor(row: &Row) {
    let place = Place::with_device();
    place.fleet.configure(
        "match = { trust = \"device-ca\" }",
        "match = { trust = \"device-ca\" }\nsecond-factor = \"password\"",
    );
    place.fleet.configure(
        "name = \"services\"\nmatch = { trust = \"service-ca\" }",
        "name = \"services\"\nmatch = { trust = \"service-ca\" }\nsecond-factor = \"token\"",
    );
    place.fleet.configure(
        "[identity]",
        "[second-factor.password]\nfile = \"passwords\"\n\n[second-factor.token]\nnamespace = \"device-ca\"\n\
         keys = \"jwks.json\"\n\
         issuer = \"https://id.example\"\naudience = [\"fleet\"]\nalgorithms = [\"ES256\"]\n\n[identity]",
    );
    fs::write(place.fleet.file("jwks.json"), "{\"keys\": []}").expect("a file");
    fs::write(place.fleet.file("passwords"), "").expect("a file");
    place.sh("echo sesame | countersign-broker passwd device-ca/pump-1 --fleet fleet").stdout_of_success();
    let place = place.start();
    let Some(explained) = place.run(row) else { return };
    assert_eq!(explained.code, 6, "{}", explained.stdout);
    assert!(explained.stdout.contains("refused: second_factor"), "{}", explained.stdout);
    let credential = place.client();
    for (shown, wanted) in [
        (&["-u", "pump-1", "-P", "sesame"][..], Outcome::Published),
        (&["-u", "pump-1", "-P", "open"], Outcome::Refused),
        (&[], Outcome::Refused),
    ] {
        let topic = "devices/pump-1/telemetry/a";
        let Some(outcome) = publish(&place, Some(&credential), "pump-1", topic, shown) else { return };
        assert_eq!(outcome, wanted, "{shown:?}");
    }
}

/// One line for a session that is let in, one for a client that is not, one for a request: each with its number.
fn audit(row: &Row) {
    let place = Place::with_device();
    let service = place.fleet.service("backend");
    let stranger = Forger::stranger(&place.fleet).certificate("pump-1");
    place.fleet.configure("address = \"0.0.0.0:8883\"", "address = \"127.0.0.1:0\"");
    let place = place.started_by(row);
    let (log, device) = (place.broker().log(), place.client());
    let topic = "devices/pump-1/telemetry/a";
    for (credential, id, outcome, identity) in [
        (&device, "pump-1", "allowed", Some("pump-1")),
        (&device, "pump-2", "refused", Some("pump-1")),
        (&stranger, "pump-1", "refused", None),
        (&service, "backend", "allowed", Some("backend")),
    ] {
        let mark = log.mark();
        if publish(&place, Some(credential), id, topic, &[]).is_none() {
            return;
        }
        let line = log.line(mark, |line| line["outcome"] == outcome);
        assert_eq!(line["identity"].as_str(), identity, "{line}");
        assert!(line["peer"].is_string() && line["timestamp"].is_string(), "{line}");
    }
    let lines = log.since(Mark::START);
    let numbers: Vec<_> = lines.iter().filter_map(|line| line["decision_id"].as_str()).collect();
    let distinct: std::collections::BTreeSet<_> = numbers.iter().collect();
    assert!(numbers.len() >= 4 && distinct.len() == numbers.len(), "{numbers:?}");
    assert_eq!(row.not_found_in(&[&log.to_string()]), [""; 0]);
}

fn inventory(row: &Row) {
    let place = Place::with_device();
    place.fleet.provision(&["issue", "pump-2", "--days", "10"]).stdout_of_success();
    let place = place.start();
    let Some(listed) = place.run(row) else { return };
    let listed = listed.stdout_of_success();
    assert!(listed.contains("pump-2") && !listed.contains("pump-1"), "{listed}");
}
