//! The header, member by member.

use super::*;
use crate::token::AlgorithmError;

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
