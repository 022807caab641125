//! Other ways to spell a token.

use super::*;

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
