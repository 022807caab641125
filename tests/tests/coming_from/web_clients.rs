//! `openssl s_client` with a request typed by hand, and curl: in front of a web application.

use std::fs;

use integration_tests::peer::Peer;
use integration_tests::pki::Forger;
use integration_tests::program::Finished;

use crate::echo_origin::EchoOrigin;
use crate::place::Place;

const EVERYTHING: &str = "[[listener.path]]\nprefix = \"/\"\npolicies = [\"devices\"]";

/// A place in front of an origin that prints its requests.
fn in_front_of(origin: &EchoOrigin, keys: &str) -> Place {
    let place = Place::with_device();
    place.serve_https(&format!("{}\n{keys}", origin.upstream()), EVERYTHING);
    place
}

/// What `openssl s_client` prints when somebody types a request and waits.
fn typed(place: &Place, arguments: &str) -> Finished {
    place.sh(&format!(
        "printf 'GET /typed HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' | \
         openssl s_client -connect localhost:8443 -servername localhost -quiet -ign_eof -verify_return_error \
         -verify_hostname localhost -CAfile {arguments}"
    ))
}

#[test]
fn a_request_typed_into_s_client_is_answered_by_the_origin() {
    let Some(_) = Peer::openssl() else { return };
    let origin = EchoOrigin::start();
    let place = in_front_of(&origin, "").start();
    let answer = typed(&place, "fleet/broker-ca/root.pem -cert c.pem -key c.key").stdout_of_success();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("GET /typed HTTP/1.1\r\n"), "the origin has read it: {answer}");
    // Each side finds out about the other before anything is said.
    let nobody = typed(&place, "fleet/broker-ca/root.pem");
    assert!(nobody.stdout.is_empty() && nobody.stderr.contains("certificate required"), "{}", nobody.stderr);
    let wary = typed(&place, "fleet/service-ca/root.pem -cert c.pem -key c.key");
    assert!(wary.stdout.is_empty() && wary.stderr.contains("verify error"), "{}", wary.stderr);
    place.shows(&Forger::stranger(&place.fleet).certificate("pump-1"));
    let stranger = typed(&place, "fleet/broker-ca/root.pem -cert c.pem -key c.key");
    assert!(stranger.stdout.is_empty() && stranger.stderr.contains("unknown ca"), "{}", stranger.stderr);
}

#[test]
fn curl_is_served_refused_and_asked_for_a_password() {
    let Some(_) = Peer::curl() else { return };
    let origin = EchoOrigin::start();
    let place = in_front_of(&origin, "");
    place.fleet.configure(
        "match = { trust = \"device-ca\" }",
        "match = { trust = \"device-ca\" }\nsecond-factor = \"password\"",
    );
    place.fleet.configure("[identity]", "[second-factor.password]\nfile = \"passwords\"\n\n[identity]");
    fs::write(place.fleet.file("passwords"), "").expect("a file");
    place.sh("echo sesame | countersign-broker passwd device-ca/pump-1 --fleet fleet").stdout_of_success();
    let place = place.start();
    let ask = |more: &str| {
        place.sh(&format!(
            "curl --silent --show-error --cacert fleet/broker-ca/root.pem --cert c.pem --key c.key {more} \
             --write-out '%{{http_code}}' https://localhost:8443/a"
        ))
    };
    let served = ask("--user pump-1:sesame").stdout_of_success();
    assert!(served.ends_with("200") && served.contains("GET /a HTTP/1.1"), "{served}");
    assert!(!served.to_ascii_lowercase().contains("authorization"), "it is not handed on: {served}");
    let asked = ask("").stdout_of_success();
    assert!(asked.ends_with("401") && asked.contains("second_factor"), "{asked}");
    let wrong = ask("--user pump-1:open").stdout_of_success();
    assert!(wrong.ends_with("401"), "{wrong}");
    place.fleet.revoke("pump-1");
    let begin = std::time::Instant::now();
    while ask("--user pump-1:sesame").code == 0 {
        assert!(begin.elapsed() < integration_tests::client::PATIENCE, "a revoked client is served");
    }
    let revoked = ask("--user pump-1:sesame");
    assert!(revoked.code != 0 && revoked.stderr.contains("revoked"), "{}", revoked.stderr);
}
