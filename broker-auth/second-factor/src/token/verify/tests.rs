mod claims;
mod header;
mod properties;
mod spelling;

use std::sync::LazyLock;
use std::time::Duration;

use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::*;

const NOW: u64 = 1_764_000_000;

static KEY: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed"));

fn keys() -> KeySet {
    let x = BASE64URL_NOPAD.encode(KEY.public_key().as_ref());
    let set = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": x}]});
    KeySet::parse(set.to_string().as_bytes()).expect("a set")
}

fn rules() -> TokenRules {
    let audiences = vec!["fleet".to_owned(), "other".to_owned()];
    TokenRules::new("https://id".to_owned(), audiences, vec![Algorithm::EdDsa]).expect("rules")
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// A token signed with the one key, whatever its texts say.
fn signed(header: &str, payload: &str) -> String {
    let message = format!(
        "{}.{}",
        BASE64URL_NOPAD.encode(header.as_bytes()),
        BASE64URL_NOPAD.encode(payload.as_bytes())
    );
    let signature = BASE64URL_NOPAD.encode(KEY.sign(message.as_bytes()).as_ref());
    format!("{message}.{signature}")
}

fn header() -> Value {
    json!({"alg": "EdDSA", "kid": "k"})
}

fn claims() -> Value {
    json!({"iss": "https://id", "aud": "fleet", "sub": "pump-1", "exp": NOW + 60})
}

/// `object` with other members; null takes one away.
fn with(mut object: Value, others: Value) -> Value {
    for (name, value) in others.as_object().expect("members") {
        let members = object.as_object_mut().expect("an object");
        if value.is_null() {
            members.remove(name)
        } else {
            members.insert(name.clone(), value.clone())
        };
    }
    object
}

fn judged(token: &str) -> Result<VerifiedToken, TokenFault> {
    verify(token, &keys(), &rules(), at(NOW))
}

fn of_header(header: Value) -> Result<VerifiedToken, TokenFault> {
    judged(&signed(&header.to_string(), &claims().to_string()))
}

fn of_claims(others: Value) -> Result<VerifiedToken, TokenFault> {
    judged(&signed(&header().to_string(), &with(claims(), others).to_string()))
}

fn good() -> String {
    signed(&header().to_string(), &claims().to_string())
}

#[test]
fn a_good_token_says_who_until_when_and_by_which_key() {
    let token = judged(&good()).expect("a good token");
    assert_eq!((token.name(), token.expires().as_secs(), token.certificate()), ("pump-1", NOW + 60, None));
    assert!(keys().digests().eq([token.key()]) && keys().has(&token.shown()));
    assert!(!KeySet::default().has(&token.shown()));
}

#[test]
fn no_claim_is_read_before_the_signature() {
    let token = good();
    let (message, _) = token.rsplit_once('.').expect("parts");
    let header = message.split_once('.').expect("parts").0;
    let payload = BASE64URL_NOPAD.encode(b"no JSON");
    let forged = format!("{header}.{payload}.{}", BASE64URL_NOPAD.encode(&[0; 64]));
    assert_eq!(judged(&forged), Err(TokenFault::BadSignature));
}

#[test]
fn faults_and_tokens_do_not_show_the_token() {
    let token = judged(&good()).expect("a good token");
    let forged = format!("{}A", &good()[..good().len() - 1]);
    let fault = judged(&forged).expect_err("a fault");
    for shown in [format!("{token:?}"), format!("{fault:?} {fault}")] {
        for part in good().split('.') {
            assert!(!shown.contains(part), "{shown}");
        }
    }
    let unknown = of_header(with(header(), json!({"kid": "a\n\u{1b}[2J"}))).expect_err("a fault").to_string();
    assert!(unknown.ends_with(r#"no key "a\n\u{1b}[2J""#), "{unknown}");
}

/// A signature by a random key of the same kind.
fn strangers_signature(message: &str) -> Vec<u8> {
    let random = SystemRandom::new();
    let stranger = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
    let stranger = Ed25519KeyPair::from_pkcs8(stranger.as_ref()).expect("a key");
    stranger.sign(message.as_bytes()).as_ref().to_vec()
}

#[test]
fn a_strangers_signature_is_refused() {
    let token = good();
    let (message, _) = token.rsplit_once('.').expect("parts");
    let forged = format!("{message}.{}", BASE64URL_NOPAD.encode(&strangers_signature(message)));
    assert_eq!(judged(&forged), Err(TokenFault::BadSignature));
}
