//! The claims, one by one.

use super::*;
use crate::token::JsonFault;

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
        let others = with(claims(), json!({ name: null })).to_string();
        let payload = others.replacen('{', &format!("{{\"{name}\":null,"), 1);
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
            assert_eq!(found, part);
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
