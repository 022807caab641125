//! Templates are refused exactly when nothing that a certificate can say makes them an id.

use device_identity::DeviceId;
use proptest::prelude::*;

use super::{Template, TemplateError, Useless};

/// Values as certificates have them, the shortest among them.
fn values(field: &str) -> &'static [&'static str] {
    match field {
        "{CN}" | "{SAN:DNS}" | "{issuer:CN}" => &["7", "a", "pump-1", "Fleet CA"],
        "{SAN:URI}" => &["https://acme.test/pump-1", "urn:dev:mac:0024befffe804ff1", "t:1"],
        "{SAN:IP}" => &["192.0.2.1", "2001:db8::1", "::1", "1::"],
        "{CN|local-part}" | "{SAN:email|local-part}" => &["a", "pump-1", "a b"],
        "{CN|last-segment}" | "{SAN:URI|last-segment}" => &["a", "pump-1", "a b"],
        "{SAN:email}" | "{emailAddress}" => &["pump-1@acme.test", "a@b", "\"a b\"@acme.test"],
        _ => &[],
    }
}

/// What `pieces` can make of every choice of values.
fn texts(pieces: &[String]) -> Vec<String> {
    pieces.iter().fold(vec![String::new()], |texts, piece| {
        let literal = [piece.as_str()];
        let choices = if piece.starts_with('{') { values(piece) } else { &literal };
        texts.iter().flat_map(|text| choices.iter().map(move |choice| format!("{text}{choice}"))).collect()
    })
}

const FIELDS: [&str; 11] = [
    "{CN|local-part}",
    "{CN|last-segment}",
    "{SAN:email|local-part}",
    "{SAN:URI|last-segment}",
    "{CN}",
    "{SAN:DNS}",
    "{SAN:URI}",
    "{SAN:IP}",
    "{SAN:email}",
    "{emailAddress}",
    "{issuer:CN}",
];

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => proptest::sample::select(&FIELDS[..]).prop_map(str::to_owned),
        2 => "[a-z0-9._:-]{1,4}",
        1 => "[a-z0-9._:-]{56,64}",
        1 => "[a-z /@+#é\u{0}-]{1,3}",
    ]
}

proptest! {
    #[test]
    fn a_template_is_refused_exactly_when_no_values_make_an_id(pieces in proptest::collection::vec(piece(), 1..5)) {
        let source = pieces.concat();
        let parsed = source.parse::<Template>();
        let tells_apart = pieces.iter().any(|piece| piece.starts_with('{') && piece != "{issuer:CN}");
        let yields_ids = texts(&pieces).iter().any(|text| DeviceId::new(text).is_ok());
        prop_assert_eq!(parsed.is_ok(), tells_apart && yields_ids, "{}: {:?}", source, parsed);
        if let Err(TemplateError::Useless { useless, instead }) = parsed {
            match instead {
                Some(instead) => prop_assert!(instead.parse::<Template>().is_ok(), "{}", instead),
                None => prop_assert!(source.len() > 50, "{}: {}", source, useless),
            }
        }
    }
}

#[test]
fn what_keeps_a_template_from_yielding_an_id_is_named() {
    let useless = |text: &str| match text.parse::<Template>() {
        Err(TemplateError::Useless { useless, instead }) => (useless, instead),
        other => panic!("{text}: {other:?}"),
    };
    let address = |name: &str| Useless::Address { name: name.to_owned() };
    for (text, why, instead) in [
        ("pump/{CN}", Useless::Character { found: '/' }, Some("pump-{CN}")),
        ("{CN} x", Useless::Character { found: ' ' }, Some("{CN}-x")),
        ("{CN} / {O}/", Useless::Character { found: ' ' }, Some("{CN}-{O}")),
        ("{CN}\u{0}", Useless::Character { found: '\u{0}' }, Some("{CN}")),
        ("pümp-{CN}", Useless::Character { found: 'ü' }, Some("p-mp-{CN}")),
        ("+{CN}", Useless::Character { found: '+' }, Some("{CN}")),
        (".{CN}", Useless::Start { found: '.' }, Some("{CN}")),
        (":{CN}:", Useless::Start { found: ':' }, Some("{CN}:")),
        ("--x{CN}", Useless::Start { found: '-' }, Some("x{CN}")),
        ("{issuer:CN}", Useless::IssuerAlone, Some("{issuer:CN}-{CN}")),
        ("a-{issuer:O}:{issuer:2.5.4.46}", Useless::IssuerAlone, Some("a-{issuer:O}:{issuer:2.5.4.46}-{CN}")),
        ("{SAN:email}", address("SAN:email"), Some("{SAN:email|local-part}")),
        ("x/{emailAddress}", address("emailAddress"), Some("x-{emailAddress|local-part}")),
        (
            "{1.2.840.113549.1.9.1}",
            address("1.2.840.113549.1.9.1"),
            Some("{1.2.840.113549.1.9.1|local-part}"),
        ),
        (
            "{issuer:emailAddress}",
            address("issuer:emailAddress"),
            Some("{issuer:emailAddress|local-part}-{CN}"),
        ),
        (
            "{issuer:emailAddress|local-part}",
            Useless::IssuerAlone,
            Some("{issuer:emailAddress|local-part}-{CN}"),
        ),
    ] {
        assert_eq!(useless(text), (why, instead.map(str::to_owned)), "{text}");
    }
    let long = "x".repeat(64);
    for (literal, field, least) in [(64, "{CN}", 65), (62, "{SAN:URI}", 65), (62, "{SAN:IP}", 65)] {
        let text = format!("{}{field}", &long[..literal]);
        assert_eq!(useless(&text), (Useless::TooLong { length: least }, None), "{text}");
        assert!(text[1..].parse::<Template>().is_ok(), "{text}");
    }
    assert_eq!(useless(&format!("{}{{CN}}{{O}}", &long[..63])).0, Useless::TooLong { length: 65 });
}

#[test]
fn a_dotted_text_that_is_no_object_identifier_is_no_field() {
    let parse = |text: &str| text.parse::<Template>().map(|_| ());
    for name in [
        "2.5.4.03",
        "02.5.4.3",
        "3.1.2",
        "0.40",
        "1.40.1",
        "1.2.340282366920938463463374607431768211456",
        "issuer:9.9",
    ] {
        let error = TemplateError::NoObjectIdentifier { name: name.to_owned() };
        assert_eq!(parse(&format!("{{{name}}}-{{CN}}")), Err(error), "{name}");
    }
    for name in
        ["0.0", "0.39", "1.2.3.4", "2.5.4.3", "2.999.3", "2.25.340282366920938463463374607431768211455"]
    {
        assert_eq!(parse(&format!("{{{name}}}")), Ok(()), "{name}");
    }
}

#[test]
fn a_part_that_no_value_of_the_field_has_is_refused() {
    let parse = |text: &str| text.parse::<Template>().map(|_| ());
    for text in [
        "{SAN:email|local-part}",
        "{emailAddress|local-part}",
        "{1.2.840.113549.1.9.1|local-part}",
        "{CN|local-part}",
        "{CN|last-segment}",
        "{1.2.3|last-segment}",
        "{SAN:URI|last-segment}",
        "{issuer:O|last-segment}-{CN}",
    ] {
        assert_eq!(parse(text), Ok(()), "{text}");
    }
    for (field, part) in [
        ("SAN:DNS", "local-part"),
        ("SAN:DNS", "last-segment"),
        ("SAN:IP", "local-part"),
        ("SAN:IP", "last-segment"),
        ("SAN:URI", "local-part"),
        ("SAN:email", "last-segment"),
        ("emailAddress", "last-segment"),
        ("issuer:1.2.840.113549.1.9.1", "last-segment"),
    ] {
        let error = parse(&format!("{{{field}|{part}}}")).expect_err(field);
        assert!(
            matches!(&error, TemplateError::NoSuchPart { field: named, .. } if named == field),
            "{field}|{part}: {error}"
        );
    }
    for part in ["", "localpart", "Local-Part", " local-part", "local-part ", "local-part|last-segment"] {
        let error = parse(&format!("{{CN|{part}}}")).expect_err(part);
        assert_eq!(error, TemplateError::UnknownPart { part: part.to_owned() });
        assert!(error.to_string().contains("local-part") && error.to_string().contains("last-segment"));
    }
    let unknown = |name: &str| Err(TemplateError::UnknownField { name: name.to_owned() });
    assert_eq!(parse("{|local-part}"), unknown(""));
    assert_eq!(parse("{CN |local-part}"), unknown("CN "));
}
