//! Tokens and keys made by PyJWT, which nobody here wrote.

use std::process::Command;
use std::time::Duration;

use rustls_pki_types::UnixTime;
use second_factor::token::{Algorithm, KeySet, TokenFault, TokenRules, VerifiedToken, verify};
use serde_json::{Value, json};

const NOW: u64 = 1_764_000_000;

/// The document that tokens.py prints.
fn made_by_pyjwt() -> Value {
    let python = std::env::var_os("COUNTERSIGN_TEST_PYTHON")
        .expect("COUNTERSIGN_TEST_PYTHON names a Python that has PyJWT: tests/run makes one, and sets it");
    let output = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tokens.py"))
        .arg(NOW.to_string())
        .output()
        .expect("python can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn key_set(document: &Value) -> KeySet {
    KeySet::parse(json!({ "keys": document["keys"] }).to_string().as_bytes()).expect("a key set")
}

fn judged(token: &str, keys: &KeySet, algorithms: &[Algorithm]) -> Result<VerifiedToken, TokenFault> {
    let audiences = vec!["fleet".to_owned()];
    let rules =
        TokenRules::new("https://id.example".to_owned(), audiences, algorithms.to_vec()).expect("rules");
    verify(token, keys, &rules, UnixTime::since_unix_epoch(Duration::from_secs(NOW)))
}

/// The name of the verdict.
fn verdict(result: &Result<VerifiedToken, TokenFault>) -> String {
    let Err(fault) = result else { return "good".to_owned() };
    let name = format!("{fault:?}");
    name.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

#[test]
fn every_token_gets_the_verdict_that_it_deserves() {
    let document = made_by_pyjwt();
    let keys = key_set(&document);
    let skipped: Vec<_> = keys.skipped().iter().filter_map(|key| key.id.as_deref()).collect();
    assert_eq!(skipped, ["p521", "k256", "ed448", "rsa-1024"]);
    let mut seen = Vec::new();
    for made in document["tokens"].as_array().expect("tokens") {
        let text = |name: &str| made[name].as_str().expect("a text");
        let result = judged(text("token"), &keys, &Algorithm::ALL);
        assert_eq!(verdict(&result), text("verdict"), "{}: {result:?}", text("about"));
        let Ok(token) = result else { continue };
        assert_eq!((token.name(), token.expires().as_secs()), ("pump-1", NOW + 60));
        assert!(keys.has(&token.shown()));
        seen.push(token.algorithm());

        let others: Vec<_> = Algorithm::ALL.into_iter().filter(|other| *other != token.algorithm()).collect();
        let fault = Err(TokenFault::AlgorithmNotAllowed(token.algorithm()));
        assert_eq!(judged(text("token"), &keys, &others), fault, "{}", text("about"));
        assert!(judged(text("token"), &keys, &[token.algorithm()]).is_ok(), "{}", text("about"));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen, Algorithm::ALL, "every algorithm has verified a token");
}

/// One token of each algorithm: cut at each byte, and each byte changed.
#[test]
fn nothing_that_is_not_the_whole_token_verifies() {
    let document = made_by_pyjwt();
    let keys = key_set(&document);
    let tokens = document["tokens"].as_array().expect("tokens").iter();
    let good =
        tokens.filter(|made| made["verdict"] == "good").map(|made| made["token"].as_str().expect("a text"));
    let mut count = 0;
    for token in good {
        count += 1;
        for end in 0..token.len() {
            assert!(judged(&token[..end], &keys, &Algorithm::ALL).is_err(), "cut at {end}: {token}");
        }
        for at in 0..token.len() {
            let mut changed = token.as_bytes().to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert!(judged(&changed, &keys, &Algorithm::ALL).is_err(), "changed at {at}: {token}");
        }
    }
    assert!(count >= 14, "{count} good tokens");
}

/// A session whose token was verified is judged again when the issuer's set has changed.
#[test]
fn a_token_ends_with_its_key_or_with_the_algorithm_of_its_key() {
    let document = made_by_pyjwt();
    let made =
        document["tokens"].as_array().expect("tokens").iter().find(|made| made["about"] == "PS256 rsa");
    let token = made.and_then(|made| made["token"].as_str()).expect("the token");
    let token = judged(token, &key_set(&document), &Algorithm::ALL).expect("a good token");
    let rsa =
        document["keys"].as_array().expect("keys").iter().find(|key| key["kid"] == "rsa").expect("the key");
    let is_in = |members: Value| {
        let mut key = rsa.clone();
        for (name, value) in members.as_object().expect("members") {
            key[name] = value.clone();
        }
        key_set(&json!({ "keys": [key] })).has(&token.shown())
    };
    assert!(is_in(json!({})) && is_in(json!({"alg": "PS256"})) && is_in(json!({"kid": "renamed"})));
    assert!(!is_in(json!({"alg": "RS256"})) && !is_in(json!({"use": "enc"})) && !is_in(json!({"e": "Aw"})));
    assert!(!key_set(&json!({ "keys": [] })).has(&token.shown()));
}
