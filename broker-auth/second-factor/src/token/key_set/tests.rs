use serde_json::json;

use super::*;

/// Of RFC 7638 §3.1, with its thumbprint.
const RSA_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
const RSA_THUMBPRINT: &str = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
/// Of RFC 8037 §A.2, with the thumbprint of §A.3.
const ED25519_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const ED25519_THUMBPRINT: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
/// Of RFC 7515 §A.3.1.
const P256_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const P256_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

fn rsa() -> Value {
    json!({"kty": "RSA", "n": RSA_N, "e": "AQAB"})
}

fn ed25519() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": ED25519_X})
}

fn p256() -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": P256_X, "y": P256_Y})
}

/// `key` with other members; null takes one away.
fn with(mut key: Value, others: Value) -> Value {
    for (name, value) in others.as_object().expect("members") {
        let members = key.as_object_mut().expect("a key");
        if value.is_null() {
            members.remove(name)
        } else {
            members.insert(name.clone(), value.clone())
        };
    }
    key
}

fn parse(keys: &[Value]) -> Result<KeySet, KeySetError> {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
}

#[test]
fn digests_are_the_thumbprints_of_the_rfcs() {
    let base64url = |text: &str| data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).expect("base64url");
    for (key, thumbprint) in [(rsa(), RSA_THUMBPRINT), (ed25519(), ED25519_THUMBPRINT)] {
        let set = parse(&[key]).expect("a set");
        let digests: Vec<_> = set.digests().map(|digest| digest.to_string()).collect();
        assert_eq!(digests, [data_encoding::HEXLOWER.encode(&base64url(thumbprint))]);
    }
}

#[test]
fn a_key_that_cannot_be_used_is_skipped_and_says_why() {
    let n = |octets: &[u8]| json!({"n": data_encoding::BASE64URL_NOPAD.encode(octets)});
    let padded =
        [&[0][..], &data_encoding::BASE64URL_NOPAD.decode(RSA_N.as_bytes()).expect("base64url")].concat();
    for (key, reason) in [
        (with(p256(), json!({"kty": "oct"})), SkipReason::KeyType),
        (with(p256(), json!({"kty": "ec"})), SkipReason::KeyType),
        (with(p256(), json!({"kty": null})), SkipReason::Malformed("kty")),
        (with(p256(), json!({"crv": "secp256k1"})), SkipReason::Curve),
        (with(p256(), json!({"crv": "Ed25519"})), SkipReason::Curve),
        (with(p256(), json!({"crv": null})), SkipReason::Curve),
        (with(ed25519(), json!({"crv": "X25519"})), SkipReason::Curve),
        (with(ed25519(), json!({"crv": "Ed448"})), SkipReason::Curve),
        (with(p256(), json!({"crv": "P-384"})), SkipReason::Malformed("x")),
        (with(p256(), json!({"x": "AAAA"})), SkipReason::Malformed("x")),
        (with(p256(), json!({"y": format!("{P256_Y}=")})), SkipReason::Malformed("y")),
        (with(p256(), json!({"y": null})), SkipReason::Malformed("y")),
        (with(ed25519(), json!({"x": P256_X.to_owned() + "A"})), SkipReason::Malformed("x")),
        (with(ed25519(), json!({"x": 7})), SkipReason::Malformed("x")),
        (with(p256(), json!({"use": "enc"})), SkipReason::Use),
        (with(p256(), json!({"use": 1})), SkipReason::Malformed("use")),
        (with(p256(), json!({"key_ops": ["sign"]})), SkipReason::KeyOperations),
        (with(p256(), json!({"key_ops": []})), SkipReason::KeyOperations),
        (with(p256(), json!({"key_ops": "verify"})), SkipReason::Malformed("key_ops")),
        (with(p256(), json!({"alg": "ES384"})), SkipReason::Algorithm),
        (with(p256(), json!({"alg": "RS256"})), SkipReason::Algorithm),
        (with(rsa(), json!({"alg": "RSA-OAEP"})), SkipReason::Algorithm),
        (with(rsa(), json!({"alg": "HS256"})), SkipReason::Algorithm),
        (with(rsa(), n(&[0xff; 128])), SkipReason::RsaSize),
        (with(rsa(), n(&[0x7f; 256])), SkipReason::RsaSize),
        (with(rsa(), n(&[0xff; 1025])), SkipReason::RsaSize),
        (with(rsa(), n(&padded)), SkipReason::Malformed("n")),
        (with(rsa(), n(&[])), SkipReason::Malformed("n")),
        (with(rsa(), json!({"e": "AQ"})), SkipReason::RsaSize),
        (with(rsa(), json!({"e": "AQAA"})), SkipReason::RsaSize),
        (with(rsa(), json!({"e": "______8"})), SkipReason::RsaSize),
        (with(rsa(), json!({"e": null})), SkipReason::Malformed("e")),
        (with(rsa(), json!({"kid": 7})), SkipReason::Malformed("kid")),
        (with(rsa(), json!({"kid": "k".repeat(257)})), SkipReason::Malformed("kid")),
    ] {
        let set = parse(&[key.clone(), with(p256(), json!({"kid": "good"}))]).expect("a set");
        assert_eq!(set.skipped(), [SkippedKey { index: 0, id: None, reason }], "{key}");
        assert!(set.key(Some("good")).is_some() && set.digests().count() == 1);
    }
}

#[test]
fn what_a_key_says_beside_is_not_looked_at() {
    let key = with(
        p256(),
        json!({"kid": "a", "use": "sig", "key_ops": ["verify", "x"], "alg": "ES256", "x5c": 7, "x5u": {}, "exp": 1}),
    );
    let set = parse(&[key]).expect("a set");
    assert_eq!(set.skipped(), []);
    assert!(set.key(Some("a")).is_some() && set.key(Some("A")).is_none() && set.key(None).is_none());
}

#[test]
fn a_set_with_a_secret_in_it_is_refused_even_in_a_key_that_would_be_skipped() {
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let mut key = with(rsa(), json!({"use": "enc"}));
        key[member] = json!("AAAA");
        assert_eq!(parse(&[p256(), key]).err(), Some(KeySetError::SecretKey { index: 1, member }));
    }
    let symmetric = json!({"kty": "oct", "k": "AAAA"});
    assert_eq!(parse(&[symmetric]).err(), Some(KeySetError::SecretKey { index: 0, member: "k" }));
}

#[test]
fn every_usable_key_can_be_told_from_the_others() {
    let named = |id: &str| with(p256(), json!({"kid": id}));
    let skipped = |id: &str| with(rsa(), json!({"kid": id, "use": "enc"}));
    assert!(parse(&[p256()]).is_ok());
    assert!(parse(&[p256(), skipped("a")]).is_ok());
    assert!(parse(&[skipped("a"), named("a"), named("b")]).is_ok());
    assert_eq!(parse(&[named("a"), p256()]).err(), Some(KeySetError::MissingId { index: 1 }));
    assert_eq!(parse(&[p256(), named("a")]).err(), Some(KeySetError::MissingId { index: 0 }));
    let duplicate = KeySetError::DuplicateId { id: "a".into(), first: 1, index: 3 };
    assert_eq!(parse(&[skipped("a"), named("a"), named("b"), named("a")]).err(), Some(duplicate));
}

#[test]
fn a_set_has_a_form_and_a_size() {
    let error = |text: &str| KeySet::parse(text.as_bytes()).expect_err("no set");
    for text in ["{}", r#"{"keys":{}}"#, r#"{"keys":[[]]}"#, r#"{"keys":["a"]}"#, &p256().to_string()] {
        assert_eq!(error(text), KeySetError::NotASet, "{text}");
    }
    for text in ["", "[]", r#"{"keys":[],"keys":[]}"#, r#"{"keys":[{"kty":"EC","kty":"EC"}]}"#] {
        assert!(matches!(error(text), KeySetError::Json(_)), "{text}");
    }
    let many = |count: u32| {
        parse(&(0..count).map(|n| with(p256(), json!({"kid": n.to_string()}))).collect::<Vec<_>>())
    };
    assert_eq!(many(32).expect("a set").digests().count(), 32);
    assert_eq!(many(33).err(), Some(KeySetError::TooManyKeys { count: 33 }));
    let empty = json!({"keys": []}).to_string();
    let long = |length: usize| format!("{empty}{}", " ".repeat(length - empty.len()));
    assert!(KeySet::parse(long(65_536).as_bytes()).is_ok(), "an empty set is one");
    assert_eq!(error(&long(65_537)), KeySetError::TooLarge { length: 65_537 });
}
