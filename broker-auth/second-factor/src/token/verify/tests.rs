use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::super::AlgorithmError;
use super::super::json::JsonFault;
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
    assert!(keys().digests().eq([token.key()]) && token.key_is_in(&keys()));
    assert!(!token.key_is_in(&KeySet::default()));
}

#[test]
fn the_header_is_taken_as_the_rfcs_have_it_and_not_otherwise() {
    use TokenFault::{CriticalExtension, HeaderMember, Type, UnknownKey};
    for accepted in [
        json!({"typ": "JWT"}),
        json!({"typ": "jwt"}),
        json!({"typ": "at+jwt"}),
        json!({"typ": "application/AT+JWT"}),
        json!({"b64": true}),
        json!({"jku": "https://evil", "x5u": 7, "jwk": {"kty": "oct"}, "x5c": ["AAAA"], "cty": "x"}),
    ] {
        assert!(of_header(with(header(), accepted.clone())).is_ok(), "{accepted}");
    }
    let unknown = |id: Option<&str>| UnknownKey { id: id.map(Into::into) };
    for (others, fault) in [
        (json!({"alg": null}), HeaderMember("alg")),
        (json!({"alg": 7}), HeaderMember("alg")),
        (json!({"alg": "none"}), TokenFault::Algorithm(AlgorithmError::Unsigned)),
        (json!({"alg": "None"}), TokenFault::Algorithm(AlgorithmError::Unsigned)),
        (json!({"alg": "HS256"}), TokenFault::Algorithm(AlgorithmError::Symmetric)),
        (json!({"alg": "EdDSA "}), TokenFault::Algorithm(AlgorithmError::Unsupported)),
        (json!({"alg": "ES256"}), TokenFault::AlgorithmNotAllowed(Algorithm::Es256)),
        (json!({"typ": "dpop+jwt"}), Type),
        (json!({"typ": ""}), Type),
        (json!({"typ": 1}), HeaderMember("typ")),
        (json!({"crit": []}), CriticalExtension),
        (json!({"crit": ["b64"], "b64": true}), CriticalExtension),
        (json!({"b64": false}), CriticalExtension),
        (json!({"kid": "K"}), unknown(Some("K"))),
        (json!({"kid": ""}), unknown(Some(""))),
        (json!({"kid": null}), unknown(None)),
        (json!({"kid": 7}), HeaderMember("kid")),
        (json!({"kid": "k".repeat(257)}), HeaderMember("kid")),
    ] {
        assert_eq!(of_header(with(header(), others.clone())), Err(fault), "{others}");
    }
    // A member that is null is there.
    assert_eq!(judged(&signed(r#"{"alg":"EdDSA","kid":null}"#, "{}")), Err(HeaderMember("kid")));
    assert_eq!(judged(&signed(r#"{"alg":"EdDSA","crit":null}"#, "{}")), Err(CriticalExtension));
}

#[test]
fn the_claims_are_required_typed_and_judged() {
    use TokenFault::{MissingClaim, NotYetValid, UnknownConfirmation, WrongAudience, WrongIssuer};
    let missing = |name: &str| MissingClaim(name.into());
    let ill_typed = |name: &str| TokenFault::IllTypedClaim(name.into());
    let digest = BASE64URL_NOPAD.encode(&[9; 32]);
    for accepted in [
        json!({"aud": ["x", "other"]}),
        json!({"nbf": NOW, "iat": NOW + 30, "jti": [], "name": {"x": 1}}),
        json!({"nbf": NOW + 30}),
        json!({"nbf": 0, "iat": 0.5}),
        json!({"exp": NOW + 1}),
        json!({"exp": NOW as f64 + 0.5}),
        json!({"cnf": {"x5t#S256": digest}}),
    ] {
        assert!(of_claims(accepted.clone()).is_ok(), "{accepted}");
    }
    for (others, fault) in [
        (json!({"iss": null}), missing("iss")),
        (json!({"iss": ["https://id"]}), ill_typed("iss")),
        (json!({"iss": "https://id/"}), WrongIssuer),
        (json!({"iss": "HTTPS://id"}), WrongIssuer),
        (json!({"aud": null}), missing("aud")),
        (json!({"aud": []}), WrongAudience),
        (json!({"aud": "fleet "}), WrongAudience),
        (json!({"aud": ["fleet", 7]}), ill_typed("aud")),
        (json!({"aud": {"fleet": true}}), ill_typed("aud")),
        (json!({"aud": 7}), ill_typed("aud")),
        (json!({"exp": null}), missing("exp")),
        (json!({"exp": (NOW + 60).to_string()}), ill_typed("exp")),
        (json!({"exp": -1}), ill_typed("exp")),
        (json!({"exp": 1e30}), ill_typed("exp")),
        (json!({"exp": [NOW + 60]}), ill_typed("exp")),
        (json!({"exp": true}), ill_typed("exp")),
        (json!({"exp": NOW}), TokenFault::Expired { at: at(NOW) }),
        (json!({"exp": NOW as f64 - 0.5}), TokenFault::Expired { at: at(NOW) }),
        (json!({"exp": 0}), TokenFault::Expired { at: at(0) }),
        (json!({"nbf": NOW + 31}), NotYetValid { at: at(NOW + 31) }),
        (json!({"nbf": NOW as f64 + 30.1}), NotYetValid { at: at(NOW + 31) }),
        (json!({"nbf": "0"}), ill_typed("nbf")),
        (json!({"iat": NOW + 31}), NotYetValid { at: at(NOW + 31) }),
        (json!({"iat": -1}), ill_typed("iat")),
        (json!({"sub": null}), missing("sub")),
        (json!({"sub": ""}), ill_typed("sub")),
        (json!({"sub": 7}), ill_typed("sub")),
        (json!({"cnf": {}}), UnknownConfirmation),
        (json!({"cnf": "x"}), UnknownConfirmation),
        (json!({"cnf": {"jkt": "x"}}), UnknownConfirmation),
        (json!({"cnf": {"x5t#S256": digest, "jkt": "x"}}), UnknownConfirmation),
        (json!({"cnf": {"x5t#S256": format!("{digest}=")}}), UnknownConfirmation),
        (json!({"cnf": {"x5t#S256": "AAAA"}}), UnknownConfirmation),
        (json!({"cnf": {"x5t#S256": [digest]}}), UnknownConfirmation),
    ] {
        assert_eq!(of_claims(others.clone()), Err(fault), "{others}");
    }
    for name in ["exp", "nbf", "iat", "iss", "aud", "sub"] {
        let null = claims().to_string().replacen('{', &format!("{{\"{name}_\":1,"), 1);
        let member = format!("\"{name}\":null,");
        let payload = with(serde_json::from_str(&null).expect("claims"), json!({ name: null })).to_string();
        let payload = payload.replacen('{', &format!("{{{member}"), 1);
        assert_eq!(judged(&signed(&header().to_string(), &payload)), Err(ill_typed(name)), "{payload}");
    }
}

#[test]
fn a_token_is_bound_to_the_certificate_that_it_names() {
    let token =
        of_claims(json!({"cnf": {"x5t#S256": BASE64URL_NOPAD.encode(&[9; 32])}})).expect("a good token");
    assert_eq!(token.certificate(), Some(Fingerprint::from([9; 32])));
}

#[test]
fn another_claim_may_name_the_client() {
    let rules = rules().with_claim("device".to_owned()).expect("rules");
    let judged =
        |claims: Value| verify(&signed(&header().to_string(), &claims.to_string()), &keys(), &rules, at(NOW));
    let token = judged(with(claims(), json!({"device": "valve-2"}))).expect("a good token");
    assert_eq!(token.name(), "valve-2");
    assert_eq!(judged(claims()), Err(TokenFault::MissingClaim("device".into())));
}

#[test]
fn a_token_ends_to_the_second_whatever_the_leeway() {
    let rules = rules().with_leeway(Duration::from_secs(60)).expect("rules");
    let judged = |now| verify(&good(), &keys(), &rules, at(now)).map(|token| token.expires().as_secs());
    assert_eq!(judged(NOW + 59), Ok(NOW + 60));
    assert_eq!(judged(NOW + 60), Err(TokenFault::Expired { at: at(NOW + 60) }));
    assert_eq!(judged(u64::MAX), Err(TokenFault::Expired { at: at(NOW + 60) }));
}

#[test]
fn no_member_stands_twice_in_header_claims_or_confirmation() {
    let fault = |part, header: &str, payload: &str| match judged(&signed(header, payload)) {
        Err(TokenFault::Json { part: found, fault: JsonFault::DuplicateMember { .. } }) => {
            assert_eq!(found, part)
        }
        other => panic!("{header} {payload}: {other:?}"),
    };
    fault(Part::Header, r#"{"alg":"EdDSA","alg":"EdDSA","kid":"k"}"#, &claims().to_string());
    fault(Part::Header, r#"{"alg":"EdDSA","kid":"k","x":1,"x":1}"#, &claims().to_string());
    for member in [r#""sub":"pump-1""#, r#""s\u0075b":"pump-1""#, r#""cnf":{"x5t#S256":"a","x5t#S256":"b"}"#]
    {
        fault(
            Part::Payload,
            &header().to_string(),
            &claims().to_string().replacen('{', &format!("{{{member},"), 1),
        );
    }
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
fn a_cut_at_any_byte_or_any_other_byte_is_refused() {
    let token = good();
    for end in 0..token.len() {
        assert!(judged(&token[..end]).is_err(), "cut at {end}");
    }
    for at in 0..token.len() {
        for other in (0..128_u8).filter(|other| *other != token.as_bytes()[at]) {
            let mut changed = token.clone().into_bytes();
            changed[at] = other;
            let changed = String::from_utf8(changed).expect("ASCII");
            assert!(judged(&changed).is_err(), "{other:#04x} at {at}");
        }
    }
}

#[test]
fn a_token_is_spelt_one_way_only() {
    let token = good();
    let parts: Vec<_> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("three parts") };
    for spelt in [
        format!("{token} "),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}=="),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{header}.{payload}.{signature}.{signature}.{signature}"),
        format!("Bearer {token}"),
        "..".to_owned(),
        String::new(),
    ] {
        assert!(judged(&spelt).is_err(), "{spelt:?}");
    }
    let nested = signed(&with(self::header(), json!({"cty": "JWT"})).to_string(), &format!("\"{token}\""));
    assert!(matches!(judged(&nested), Err(TokenFault::Json { part: Part::Payload, .. })));
}

#[test]
fn a_token_has_4_kib_at_most() {
    let long = |room: usize| {
        signed(&header().to_string(), &with(claims(), json!({"x": "x".repeat(room)})).to_string())
    };
    let fitting = (0..4096).rev().find(|room| long(*room).len() <= 4096).expect("room");
    assert!(judged(&long(fitting)).is_ok());
    let length = long(fitting + 1).len();
    assert_eq!(judged(&long(fitting + 1)), Err(TokenFault::TooLong { length }));
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

proptest! {
    #[test]
    fn nothing_arbitrary_is_a_token(text in "(?s).{0,200}") {
        prop_assert!(judged(&text).is_err());
    }

    #[test]
    fn nothing_in_three_parts_is_a_token(
        header in "(?s)\\{?(\"(alg|kid|typ|crit)\":(\"(EdDSA|k|JWT|none)\"|[0-9]|null),?){0,4}\\}?",
        payload in prop::collection::vec(any::<u8>(), 0..64),
        signature in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let encode = |octets: &[u8]| BASE64URL_NOPAD.encode(octets);
        let text = format!("{}.{}.{}", encode(header.as_bytes()), encode(&payload), encode(&signature));
        prop_assert!(judged(&text).is_err());
    }

    /// Whatever an issuer signs, a token says no more than what is in it.
    #[test]
    fn whatever_is_signed_does_not_panic(payload in "(?s)\\{(\"(iss|aud|exp|nbf|sub|cnf)\":(\"\\PC{0,3}\"|-?[0-9]{1,25}(\\.[0-9]{1,3})?(e[0-9]{1,3})?|null|\\[\\]|\\{\\}),?){0,6}\\}") {
        prop_assert!(judged(&signed(&header().to_string(), &payload)).is_err());
    }
}
