//! Names that are the same, and names that are not.

use x509_parser::prelude::FromDer;

use super::*;

/// A name of one attribute of the type CN, with a string type's tag.
fn name(tag: u8, value: &[u8]) -> DistinguishedName {
    named(&[&[(3, tag, value)]])
}

/// A name of RDNs, each of attributes: the last arc of 2.5.4, the tag, the value.
fn named(relative: &[&[(u8, u8, &[u8])]]) -> DistinguishedName {
    let element = |tag: u8, content: &[u8]| {
        let mut element = vec![tag, u8::try_from(content.len()).unwrap()];
        element.extend(content);
        element
    };
    let relative: Vec<u8> = relative
        .iter()
        .flat_map(|attributes| {
            let attributes: Vec<u8> = attributes
                .iter()
                .flat_map(|(arc, tag, value)| {
                    element(0x30, &[element(6, &[0x55, 4, *arc]), element(*tag, value)].concat())
                })
                .collect();
            element(0x31, &attributes)
        })
        .collect();
    let der = element(0x30, &relative);
    DistinguishedName::read(&X509Name::from_der(&der).unwrap().1)
}

const UTF8: u8 = 12;
const PRINTABLE: u8 = 19;
const TELETEX: u8 = 20;
const UNIVERSAL: u8 = 28;
const BMP: u8 = 30;

#[test]
fn string_types_case_and_spaces_make_no_other_name() {
    let plain = name(UTF8, b"Device CA");
    for same in [
        name(PRINTABLE, b"Device CA"),
        name(PRINTABLE, b"device ca"),
        name(UTF8, b"  DEVICE   CA "),
        name(TELETEX, b"Device CA"),
        name(BMP, b"\0D\0e\0v\0i\0c\0e\0 \0C\0A"),
        name(UNIVERSAL, &b"Device CA".iter().flat_map(|octet| [0, 0, 0, *octet]).collect::<Vec<_>>()),
    ] {
        assert!(plain.is_same_name(&same), "{same}");
        assert!(same.is_same_name(&plain), "{same}");
    }
    for other in [
        name(UTF8, b"DeviceCA"),
        name(UTF8, b"Device CA 2"),
        name(TELETEX, b"Device C\xc4"),
        named(&[&[(10, UTF8, b"Device CA")]]),
        named(&[&[(3, UTF8, b"Device")], &[(3, UTF8, b"CA")]]),
        named(&[]),
    ] {
        assert!(!plain.is_same_name(&other), "{other}");
    }
}

#[test]
fn characters_beyond_ascii_have_no_case_either() {
    assert!(name(UTF8, "GERÄT".as_bytes()).is_same_name(&name(BMP, b"\0g\0e\0r\0\xe4\0t")));
}

#[test]
fn the_order_within_an_rdn_does_not_matter_and_that_of_rdns_does() {
    let (cn, org) = ((3, UTF8, &b"a"[..]), (10, UTF8, &b"b"[..]));
    assert!(named(&[&[cn, org]]).is_same_name(&named(&[&[org, cn]])));
    assert!(!named(&[&[cn], &[org]]).is_same_name(&named(&[&[org], &[cn]])));
    assert!(!named(&[&[cn, org]]).is_same_name(&named(&[&[cn], &[org]])));
}

#[test]
fn what_cannot_be_read_is_the_same_only_octet_by_octet() {
    let odd = name(TELETEX, b"\xc4");
    assert!(odd.is_same_name(&name(TELETEX, b"\xc4")));
    assert!(!odd.is_same_name(&name(UTF8, "Ä".as_bytes())));
    assert_eq!(odd.values("2.5.4.3").next(), Some(Err(&b"\xc4"[..])));
}

#[test]
fn text_is_kept_as_it_was_written() {
    for (tag, value, text) in [
        (UTF8, &b" Pump  1"[..], " Pump  1"),
        (BMP, b"\0P\0u\0m\0p", "Pump"),
        (TELETEX, b"Pump", "Pump"),
        (UNIVERSAL, b"\0\0\0P", "P"),
    ] {
        assert_eq!(name(tag, value).values("2.5.4.3").next(), Some(Ok(text)));
    }
    // Half a surrogate pair, and an odd octet.
    assert!(name(BMP, b"\xd8\0").values("2.5.4.3").next().unwrap().is_err());
    assert!(name(BMP, b"\0P\0").values("2.5.4.3").next().unwrap().is_err());
}

#[test]
fn a_subtree_holds_what_begins_with_all_of_it() {
    let base = named(&[&[(6, PRINTABLE, b"de")], &[(10, UTF8, b"Acme")]]);
    assert!(named(&[&[(6, UTF8, b"DE")], &[(10, UTF8, b"ACME")], &[(3, UTF8, b"pump-1")]]).is_within(&base));
    assert!(base.is_within(&base));
    assert!(!named(&[&[(6, UTF8, b"DE")], &[(10, UTF8, b"Acme 2")]]).is_within(&base));
    assert!(!named(&[&[(6, UTF8, b"DE")]]).is_within(&base));
}

/// X.690 §8.19: the first subidentifier holds two arcs, and may be longer than an octet.
#[test]
fn a_type_is_written_with_the_arcs_that_it_has() {
    for (octets, written) in [
        (&[0x55, 4, 3][..], "2.5.4.3"),
        (&[0x2a, 0x03], "1.2.3"),
        (&[0x00], "0.0"),
        (&[0x27, 0x01], "0.39.1"),
        (&[0x4f, 0x01], "1.39.1"),
        (&[0x50, 0x01], "2.0.1"),
        (&[0x77, 0x01], "2.39.1"),
        (&[0x78, 0x01], "2.40.1"),
        (&[0x81, 0x03, 0x01], "2.51.1"),
        (&[0x88, 0x37, 0x03], "2.999.3"),
        (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19], "0.9.2342.19200300.100.1.25"),
        (
            &[
                0x69, 0x83, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                0xff, 0xff, 0xff, 0xff, 0x7f,
            ],
            "2.25.340282366920938463463374607431768211455",
        ),
    ] {
        assert_eq!(dotted(&Oid::new(octets.into())), written);
    }
}
