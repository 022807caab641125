//! What nobody thought of.

use proptest::prelude::*;

use super::*;

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
