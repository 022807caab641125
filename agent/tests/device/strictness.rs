//! Certificates that are almost DER, almost X.509, or almost of the profile. All are signed, so that nothing but
//! strictness refuses them.

use countersign_agent::x509::{Certificate, CertificateError, DerError, MAX_LEN};

use crate::forge::{ALGORITHM, Parts, tlv};
use crate::pki::Certified;

/// Extensions by their OIDs.
const KEY_USAGE: [u8; 3] = [0x55, 0x1d, 0x0f];
const SUBJECT_ALT_NAME: [u8; 3] = [0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: [u8; 3] = [0x55, 0x1d, 0x13];
const EXTENDED_KEY_USAGE: [u8; 3] = [0x55, 0x1d, 0x25];

struct Rows {
    issuing: Certified,
    good: Parts,
    wrong: Vec<String>,
}

impl Rows {
    fn new() -> Self {
        let issuing = Certified::root("issuing");
        let good = Parts::of(&issuing.broker().der);
        assert_eq!(Certificate::read(&good.sign(&issuing)).err(), None, "unchanged, it is read");
        Self { issuing, good, wrong: Vec::new() }
    }

    fn refuses(&mut self, name: &str, change: impl FnOnce(&mut Parts), error: impl Into<CertificateError>) {
        let mut parts = self.good.clone();
        change(&mut parts);
        self.judge(name, &parts.sign(&self.issuing), Err(error.into()));
    }

    fn accepts(&mut self, name: &str, change: impl FnOnce(&mut Parts)) {
        let mut parts = self.good.clone();
        change(&mut parts);
        self.judge(name, &parts.sign(&self.issuing), Ok(()));
    }

    fn judge(&mut self, name: &str, der: &[u8], expected: Result<(), CertificateError>) {
        let verdict = Certificate::read(der).map(drop);
        if verdict != expected {
            self.wrong.push(format!("{name}: {verdict:?}, not {expected:?}"));
        }
    }

    fn end(self) {
        assert!(self.wrong.is_empty(), "{} rows:\n{}", self.wrong.len(), self.wrong.join("\n"));
    }
}

fn extension(id: &[u8], critical: &[u8], value: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&tlv(6, id), critical, &tlv(4, value)].concat())
}

/// Puts an extension in the place of the one with this OID.
fn replace(parts: &mut Parts, id: &[u8], critical: &[u8], value: &[u8]) {
    parts.extensions.retain(|found| !found.windows(id.len() + 2).any(|bytes| bytes == tlv(6, id)));
    parts.extensions.push(extension(id, critical, value));
}

fn wrong_tag(expected: u8, found: u8) -> DerError {
    DerError::Tag { expected, found }
}

#[test]
fn der_is_read_in_its_one_form_only() {
    let mut rows = Rows::new();
    let good = rows.good.sign(&rows.issuing);
    rows.judge("a byte behind", &[&good[..], &[0]].concat(), Err(DerError::Trailing.into()));
    rows.judge("nothing", &[], Err(DerError::Truncated.into()));
    for length in [1, 2, 3, 4, good.len() / 2, good.len() - 1] {
        rows.judge("cut short", &good[..length], Err(DerError::Truncated.into()));
    }
    rows.judge("an indefinite length", &[0x30, 0x80, 0, 0], Err(DerError::Length.into()));
    rows.judge("a length of four bytes", &[0x30, 0x84, 0, 0, 0, 0], Err(DerError::Length.into()));
    rows.judge("a tag of two bytes", &[0x3f, 0x30, 0], Err(DerError::LongTag.into()));
    rows.judge("a SET", &[0x31, 0], Err(wrong_tag(0x30, 0x31).into()));
    let long = tlv(0x30, &vec![0; MAX_LEN]);
    rows.judge("too long", &long, Err(CertificateError::TooLong { length: long.len() }));

    rows.refuses(
        "a length in the long form",
        |parts| parts.version = vec![0xa0, 0x81, 3, 2, 1, 2],
        DerError::Length,
    );
    rows.refuses(
        "a length with a leading zero",
        |parts| {
            let serial = parts.serial.split_off(2);
            parts.serial = [&[2, 0x82, 0, u8::try_from(serial.len()).unwrap()][..], &serial].concat();
        },
        DerError::Length,
    );
    rows.refuses("an empty INTEGER", |parts| parts.serial = vec![2, 0], DerError::Integer);
    rows.refuses("a padded INTEGER", |parts| parts.serial = vec![2, 2, 0, 1], DerError::Integer);
    rows.refuses("a negative INTEGER", |parts| parts.serial = vec![2, 1, 0x80], DerError::Integer);
    rows.refuses(
        "a BOOLEAN of 1",
        |parts| replace(parts, &KEY_USAGE, &[1, 1, 1], &[3, 2, 7, 0x80]),
        DerError::Boolean,
    );
    rows.refuses(
        "a BOOLEAN of two bytes",
        |parts| replace(parts, &KEY_USAGE, &[1, 2, 0xff, 0xff], &[3, 2, 7, 0x80]),
        DerError::Boolean,
    );
    rows.accepts("a BOOLEAN of 0", |parts| replace(parts, &KEY_USAGE, &[1, 1, 0], &[3, 2, 7, 0x80]));
    rows.refuses(
        "keyUsage with an unused bit that is set",
        |parts| replace(parts, &KEY_USAGE, &[], &[3, 2, 7, 0xc0]),
        DerError::BitString,
    );
    rows.refuses(
        "keyUsage with a trailing zero bit",
        |parts| replace(parts, &KEY_USAGE, &[], &[3, 2, 6, 0x80]),
        DerError::BitString,
    );
    rows.refuses(
        "keyUsage with eight unused bits",
        |parts| replace(parts, &KEY_USAGE, &[], &[3, 2, 8, 0x80]),
        DerError::BitString,
    );
    rows.refuses(
        "keyUsage without the byte of unused bits",
        |parts| replace(parts, &KEY_USAGE, &[], &[3, 0]),
        DerError::BitString,
    );
    rows.refuses(
        "keyUsage with something behind it",
        |parts| replace(parts, &KEY_USAGE, &[], &[3, 2, 7, 0x80, 5, 0]),
        DerError::Trailing,
    );
    rows.refuses("a key with unused bits", |parts| parts.key[26 - 1] = 1, DerError::BitString);
    let tbs = rows.good.tbs();
    let unused = tlv(0x30, &[&tbs[..], &ALGORITHM, &tlv(3, &[4, 0x30, 6, 2, 1, 1, 2, 1, 0x10])].concat());
    rows.judge("a signature with unused bits", &unused, Err(DerError::BitString.into()));
    rows.refuses(
        "an OID with a padded component",
        |parts| parts.extensions.push(extension(&[0x2a, 0x80, 1], &[], &[5, 0])),
        DerError::ObjectIdentifier,
    );
    rows.refuses(
        "an OID cut short",
        |parts| parts.extensions.push(extension(&[0x2a, 0x81], &[], &[5, 0])),
        DerError::ObjectIdentifier,
    );
    rows.refuses(
        "an empty OID",
        |parts| parts.extensions.push(extension(&[], &[], &[5, 0])),
        DerError::ObjectIdentifier,
    );
    rows.refuses(
        "a byte behind the extensions",
        |parts| parts.after_extensions = vec![5, 0],
        DerError::Trailing,
    );
    rows.end();
}

#[test]
fn x509_is_read_in_version_3_only_and_signed_with_one_algorithm() {
    let mut rows = Rows::new();
    rows.refuses("version 1 by name", |parts| parts.version[4] = 0, CertificateError::Version);
    rows.refuses("version 2", |parts| parts.version[4] = 1, CertificateError::Version);
    rows.refuses("version 4", |parts| parts.version[4] = 3, CertificateError::Version);
    rows.refuses("version 1 by omission", |parts| parts.version.clear(), wrong_tag(0xa0, 2));
    rows.refuses("a serial of 21 bytes", |parts| parts.serial = tlv(2, &[1; 21]), {
        CertificateError::SerialNumber { length: 21 }
    });
    rows.accepts("a serial of 20 bytes and a sign zero", |parts| {
        parts.serial = tlv(2, &[&[0][..], &[0xff; 20]].concat());
    });
    rows.refuses("a serial of zero", |parts| parts.serial = vec![2, 1, 0], {
        CertificateError::SerialNumber { length: 0 }
    });

    let sha384 = [0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
    rows.refuses(
        "two different algorithms",
        |parts| parts.algorithm = sha384.to_vec(),
        CertificateError::AlgorithmMismatch,
    );
    rows.refuses(
        "SHA-384",
        |parts| (parts.algorithm, parts.outer_algorithm) = (sha384.to_vec(), sha384.to_vec()),
        CertificateError::SignatureAlgorithm,
    );
    let null = tlv(0x30, &[&ALGORITHM[2..], &[5, 0]].concat());
    rows.refuses(
        "an algorithm with parameters",
        |parts| (parts.algorithm, parts.outer_algorithm) = (null.clone(), null.clone()),
        CertificateError::SignatureAlgorithm,
    );
    rows.refuses("no issuer", |parts| parts.issuer = vec![0x30, 0], CertificateError::NoIssuer);
    rows.accepts("no subject", |parts| parts.subject = vec![0x30, 0]);
    rows.refuses("an empty RDN", |parts| parts.subject = tlv(0x30, &tlv(0x31, &[])), DerError::Truncated);
    rows.refuses(
        "an attribute of three",
        |parts| {
            let attribute = tlv(0x30, &[tlv(6, &[0x55, 4, 3]), tlv(12, b"x"), tlv(12, b"y")].concat());
            parts.subject = tlv(0x30, &tlv(0x31, &attribute));
        },
        DerError::Trailing,
    );
    rows.refuses("an issuerUniqueID", |parts| parts.unique_ids = tlv(0x81, &[0, 1]), wrong_tag(0xa3, 0x81));
    rows.refuses("a subjectUniqueID", |parts| parts.unique_ids = tlv(0x82, &[0, 1]), wrong_tag(0xa3, 0x82));
    rows.end();
}

#[test]
fn keys_are_uncompressed_points_on_p256() {
    let mut rows = Rows::new();
    let algorithm = |curve: &[u8]| {
        let id = tlv(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]);
        tlv(0x30, &[&id, curve].concat())
    };
    let p256 = algorithm(&tlv(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]));
    let key =
        |algorithm: &[u8], point: &[u8]| tlv(0x30, &[algorithm, &tlv(3, &[&[0], point].concat())].concat());
    let point = rows.good.key[26..].to_vec();
    assert_eq!((point.len(), point[0]), (65, 4));
    let compressed = [&[2], &point[1..33]].concat();
    let hybrid = [&[6], &point[1..]].concat();
    rows.accepts("as it was", |parts| parts.key = key(&p256, &point));
    rows.refuses("compressed", |parts| parts.key = key(&p256, &compressed), CertificateError::Point);
    rows.refuses("hybrid", |parts| parts.key = key(&p256, &hybrid), CertificateError::Point);
    rows.refuses("a byte short", |parts| parts.key = key(&p256, &point[..64]), CertificateError::Point);
    rows.refuses("none", |parts| parts.key = key(&p256, &[]), CertificateError::Point);
    let p384 = algorithm(&tlv(6, &[0x2b, 0x81, 4, 0, 34]));
    rows.refuses("on P-384", |parts| parts.key = key(&p384, &point), CertificateError::KeyAlgorithm);
    let implicit = algorithm(&[5, 0]);
    rows.refuses(
        "on an implicit curve",
        |parts| parts.key = key(&implicit, &point),
        CertificateError::KeyAlgorithm,
    );
    rows.end();
}

#[test]
fn times_exist_and_are_written_as_rfc_5280_has_it() {
    let mut rows = Rows::new();
    let utc = |text: &str| tlv(0x17, text.as_bytes());
    let general = |text: &str| tlv(0x18, text.as_bytes());
    let from = |start: Vec<u8>| {
        move |parts: &mut Parts| {
            parts.validity = tlv(0x30, &[start, tlv(0x18, b"20600101000000Z")].concat());
        }
    };
    rows.accepts("a leap day", from(utc("240229235959Z")));
    rows.accepts("the first second of 1970", from(utc("700101000000Z")));
    rows.accepts("beyond 2049", from(general("20510101000000Z")));
    for (name, time) in [
        ("a leap day in a common year", utc("230229000000Z")),
        ("a leap day in 2100", general("21000229000000Z")),
        ("the 31st of April", utc("240431000000Z")),
        ("month 13", utc("241301000000Z")),
        ("month 0", utc("240001000000Z")),
        ("day 0", utc("240100000000Z")),
        ("hour 24", utc("240101240000Z")),
        ("minute 60", utc("240101006000Z")),
        ("second 60", utc("240101000060Z")),
        ("no seconds", utc("2401010000Z")),
        ("no Z", utc("240101000000")),
        ("an offset", utc("240101000000+0100")),
        ("a fraction", general("20510101000000.5Z")),
        ("a letter", utc("24010100000xZ")),
        ("a sign", utc("+40101000000Z")),
        ("GeneralizedTime before 2050", general("20490101000000Z")),
        ("the last second of 1969", utc("691231235959Z")),
        ("1950", utc("500101000000Z")),
        ("nothing", utc("")),
        ("an end before the beginning", general("20600101000001Z")),
    ] {
        rows.refuses(name, from(time), CertificateError::Validity);
    }
    rows.refuses("an INTEGER", from(vec![2, 1, 1]), wrong_tag(0x17, 2));
    rows.refuses(
        "three times",
        |parts| {
            let time = utc("240101000000Z");
            parts.validity = tlv(0x30, &[time.clone(), time.clone(), time].concat());
        },
        DerError::Trailing,
    );
    rows.end();
}

#[test]
fn extensions_are_read_to_their_ends_and_never_twice() {
    use CertificateError as Error;
    let mut rows = Rows::new();
    rows.refuses("none, but room for them", |parts| parts.extensions.clear(), DerError::Truncated);
    rows.refuses(
        "one twice",
        |parts| parts.extensions.push(parts.extensions[0].clone()),
        Error::DuplicateExtension,
    );
    rows.refuses(
        "an unknown one twice",
        |parts| {
            let unknown = extension(&[0x2a, 3], &[], &[5, 0]);
            parts.extensions.splice(0..0, [unknown.clone()]);
            parts.extensions.push(unknown);
        },
        Error::DuplicateExtension,
    );
    rows.refuses(
        "an unknown critical one",
        |parts| parts.extensions.push(extension(&[0x2a, 3], &[1, 1, 0xff], &[5, 0])),
        Error::UnknownCriticalExtension,
    );
    rows.refuses(
        "nameConstraints that are not critical",
        |parts| parts.extensions.push(extension(&[0x55, 0x1d, 0x1e], &[], &[0x30, 0])),
        Error::UnknownCriticalExtension,
    );
    rows.refuses(
        "one with a byte behind its value",
        |parts| {
            let one = [tlv(6, &[0x2a, 3]), tlv(4, &[5, 0]), vec![5, 0]].concat();
            parts.extensions.push(tlv(0x30, &one));
        },
        DerError::Trailing,
    );
    rows.refuses(
        "a path length without CA",
        |parts| replace(parts, &BASIC_CONSTRAINTS, &[1, 1, 0xff], &[0x30, 3, 2, 1, 0]),
        Error::PathLengthWithoutCa,
    );
    rows.refuses(
        "a path length of two bytes",
        |parts| replace(parts, &BASIC_CONSTRAINTS, &[1, 1, 0xff], &[0x30, 7, 1, 1, 0xff, 2, 2, 1, 0]),
        DerError::Integer,
    );
    rows.refuses(
        "basicConstraints of three",
        |parts| replace(parts, &BASIC_CONSTRAINTS, &[], &[0x30, 9, 1, 1, 0xff, 2, 1, 0, 2, 1, 0]),
        DerError::Trailing,
    );
    rows.refuses(
        "extendedKeyUsage without a purpose",
        |parts| replace(parts, &EXTENDED_KEY_USAGE, &[], &[0x30, 0]),
        DerError::Truncated,
    );
    for (name, value) in [
        ("a SAN with an address of five bytes", tlv(0x87, &[1; 5])),
        ("a SAN with an underscored nothing", tlv(0x82, b"")),
        ("a SAN with a NUL", tlv(0x82, b"broker.example\0.evil")),
        ("a SAN with a space", tlv(0x82, b"broker example")),
        ("a SAN with a star in the middle", tlv(0x82, b"a.*.example")),
        ("a SAN of an unknown kind", tlv(0x89, b"x")),
        ("a SAN of a universal kind", tlv(0x0c, b"broker.example")),
    ] {
        rows.refuses(
            name,
            |parts| replace(parts, &SUBJECT_ALT_NAME, &[], &tlv(0x30, &value)),
            Error::SubjectAltName,
        );
    }
    rows.refuses(
        "a SAN without a name",
        |parts| replace(parts, &SUBJECT_ALT_NAME, &[], &[0x30, 0]),
        DerError::Truncated,
    );
    rows.end();
}
