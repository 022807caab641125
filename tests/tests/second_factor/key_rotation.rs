//! New keys are fetched for the first token that needs one, once a minute; keys that are gone end sessions.

use std::thread;
use std::time::{Duration, Instant};

use data_encoding::BASE64URL_NOPAD;
use integration_tests::broker::operate;
use integration_tests::file_server::{Behaviour, FileServer};
use integration_tests::mqtt::{Connect, Version};
use integration_tests::pki::Forger;
use integration_tests::token_issuer::TokenIssuer;

use crate::live_sessions::ends;
use crate::place::{IN, OUT, Place, TOKEN, configuration, fetch_keys_from, fleet, outcome};

/// The same token under another key id, which its signature does not fit.
fn renamed(token: &str, key: &str) -> String {
    let (_, rest) = token.split_once('.').expect("a token has parts");
    let header = format!("{{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":{key:?}}}");
    format!("{}.{rest}", BASE64URL_NOPAD.encode(header.as_bytes()))
}

#[test]
fn a_new_key_is_fetched_for_the_first_token_that_needs_it_and_no_more_for_a_minute() {
    for version in [Some(Version::V311), Some(Version::V5), None] {
        let server = FileServer::start(Behaviour::Hangs);
        let fleet = fleet(TOKEN);
        let Some(issuer) = TokenIssuer::beside(&fleet) else { return };
        let device = fleet.device("dev-1");
        server.set(Behaviour::Tags(issuer.key_set(&["a"]).into_bytes()));
        fetch_keys_from(&fleet, &server.url("jwks.json"), "1h", "");
        let place = Place::of(fleet);
        assert_eq!(place.met(&device, "dev-1", &issuer.token("a", "dev-1", 3600)), IN);
        assert_eq!(server.requests(), 1);
        server.set(Behaviour::Sends(issuer.key_set(&["a", "b"]).into_bytes()));
        let token = issuer.token("b", "dev-1", 3600);
        match version {
            Some(version) => {
                let connect = Connect::new(version, "dev-1").user_name("dev-1").password(&*token);
                let met = outcome(&place.attempt(Some(&device), &connect).1);
                assert_eq!(met, "in", "{}", place.broker.log());
            }
            None => {
                let answer = place.who_am_i(Some(&device), &format!("Authorization: Bearer {token}\r\n"));
                assert_eq!(answer.expect("an answer").status, 200);
            }
        }
        assert_eq!(server.requests(), 2);
        assert_eq!(place.met(&device, "dev-1", &issuer.token("c", "dev-1", 3600)), OUT);
        assert_eq!(place.met(&device, "dev-1", &token), IN);
        assert_eq!(server.requests(), 2, "not again within a minute");
    }
}

#[test]
fn fifty_clients_at_once_cause_one_fetch_and_are_judged_by_it() {
    let server = FileServer::start(Behaviour::Hangs);
    let fleet = fleet(TOKEN);
    let Some(issuer) = TokenIssuer::beside(&fleet) else { return };
    let device = fleet.device("dev-1");
    server.set(Behaviour::Sends(issuer.key_set(&["a"]).into_bytes()));
    fetch_keys_from(&fleet, &server.url("jwks.json"), "1h", "");
    let place = Place::of(fleet);
    // One that hangs, until it is given up: all wait for the same.
    server.set(Behaviour::Hangs);
    let (old, new) = (issuer.token("a", "dev-1", 3600), issuer.token("b", "dev-1", 3600));
    let begin = Instant::now();
    let met: Vec<_> = thread::scope(|scope| {
        let clients = (0..50).map(|number| {
            let (place, device) = (&place, &device);
            let secret = renamed(&new, &format!("k-{number}"));
            scope.spawn(move || {
                let connect = Connect::new(Version::V5, &format!("dev-1/{number}")).password(secret);
                outcome(&place.attempt(Some(device), &connect).1)
            })
        });
        let clients: Vec<_> = clients.collect();
        // Whoever has a key that is known waits for nobody.
        assert_eq!(place.met(&device, "dev-1", &old), IN);
        clients.into_iter().map(|client| client.join().expect("no panic")).collect()
    });
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    assert_eq!(met, ["0x86"; 50]);
    assert_eq!(server.requests(), 2);
}

/// Whoever has no certificate that is proven makes nobody fetch, in both modes.
#[test]
fn a_stranger_causes_no_fetch() {
    for mode in ["enforce", "permissive"] {
        let server = FileServer::start(Behaviour::Hangs);
        let fleet = fleet(TOKEN);
        let Some(issuer) = TokenIssuer::beside(&fleet) else { return };
        std::fs::write(fleet.file("broker.toml"), configuration(mode, TOKEN)).expect("a configuration");
        fleet.configure(
            "[[policy]]\nname = \"services\"",
            "[[policy]]\nname = \"others\"\nmatch = { verdict = [\"FAILED\", \"NONE\"] }\naction = \"quarantine\"\n\
             client-id = \"free\"\n\n[[policy]]\nname = \"services\"",
        );
        let device = fleet.device("dev-1");
        let service = fleet.service("backend");
        let stranger = Forger::stranger(&fleet).certificate("dev-1");
        server.set(Behaviour::Sends(issuer.key_set(&["a"]).into_bytes()));
        fetch_keys_from(&fleet, &server.url("jwks.json"), "1h", "");
        let place = Place::of(fleet);
        let token = issuer.token("b", "dev-1", 3600);
        for credential in [None, Some(&stranger), Some(&service)] {
            for version in Version::ALL {
                let connect = Connect::new(version, "dev-1").user_name("dev-1").password(&*token);
                place.attempt(credential, &connect);
            }
            if mode == "permissive" || credential == Some(&service) {
                place.who_am_i(credential, &format!("Authorization: Bearer {token}\r\n"));
            }
        }
        assert_eq!(server.requests(), 1, "{mode}");
        // A device that is proven does.
        assert_eq!(place.met(&device, "dev-1", &token), OUT);
        assert_eq!(server.requests(), 2, "{mode}");
    }
}

#[test]
fn a_key_that_is_dropped_ends_the_sessions_of_its_tokens_within_an_interval() {
    let server = FileServer::start(Behaviour::Hangs);
    let fleet = fleet(TOKEN);
    let Some(issuer) = TokenIssuer::beside(&fleet) else { return };
    let devices = fleet.devices(&["dev-1", "dev-2"]);
    server.set(Behaviour::Sends(issuer.key_set(&["a", "b"]).into_bytes()));
    fetch_keys_from(&fleet, &server.url("jwks.json"), "1s", "");
    let place = Place::of(fleet);
    let tokens = [issuer.token("a", "dev-1", 3600), issuer.token("b", "dev-2", 3600)];
    let mut by_a = place.session(&devices[0], "dev-1", &tokens[0]);
    let mut by_b = place.session(&devices[1], "dev-2", &tokens[1]);
    server.set(Behaviour::Sends(issuer.key_set(&["b"]).into_bytes()));
    ends(&place, &mut by_a, "dev-1");
    assert!(by_b.is_alive());
    assert_eq!(place.met(&devices[0], "dev-1", &tokens[0]), OUT);
    assert_eq!(place.met(&devices[1], "dev-2", &tokens[1]), IN);
}

/// Tokens are taken by the keys that there are until others are there.
#[test]
fn a_reload_to_a_url_without_keys_changes_nothing_until_they_come() {
    let server = FileServer::start(Behaviour::Fails(404));
    let fleet = fleet(TOKEN);
    let Some(issuer) = TokenIssuer::beside(&fleet) else { return };
    let device = fleet.device("dev-1");
    std::fs::write(fleet.file("jwks.json"), issuer.key_set(&["a"])).expect("a key set");
    let place = Place::of(fleet);
    let token = issuer.token("a", "dev-1", 3600);
    let mut session = place.session(&device, "dev-1/a", &token);
    place.fleet.configure("keys = \"jwks.json\"", &format!("keys = {:?}", server.url("jwks.json")));
    let refused = operate(&place.fleet, "reload", &[]);
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    assert!(refused.stderr.contains(&server.url("jwks.json")), "{}", refused.stderr);
    assert!(session.is_alive());
    assert_eq!(place.met(&device, "dev-1", &token), IN);
    server.set(Behaviour::Sends(issuer.key_set(&["a"]).into_bytes()));
    operate(&place.fleet, "reload", &[]).stdout_of_success();
    assert!(session.is_alive(), "the key is the same");
    assert_eq!(place.status()["fetched_key_sets"][0]["failures"], 0);
    assert_eq!(place.met(&device, "dev-1", &token), IN);
}
