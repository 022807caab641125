//! webpki reads the same lists, and whatever it refuses is refused here, but for the kinds that are taken on purpose.

use std::collections::BTreeMap;

use proptest::prelude::*;
use webpki::BorrowedCertRevocationList;

use super::*;

fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let header = match length {
        0..=0x7f => vec![tag, length as u8],
        0x80..=0xff => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [header, contents.to_vec()].concat()
}

fn extension(oid: &[u8], critical: Option<u8>, value: &[u8]) -> Vec<u8> {
    let critical = critical.map(|critical| vec![0x01, 0x01, critical]).unwrap_or_default();
    element(0x30, &[element(0x06, oid), critical, element(0x04, value)].concat())
}

fn time() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (1970_u16..2100, 1_u8..=12, 1_u8..=28).prop_map(|(year, month, day)| {
            element(0x18, format!("{year:04}{month:02}{day:02}120000Z").as_bytes())
        }),
        4 => (0_u8..100, 1_u8..=12, 1_u8..=31).prop_map(|(year, month, day)| {
            element(0x17, format!("{year:02}{month:02}{day:02}235959Z").as_bytes())
        }),
        1 => "[0-9]{10,14}[Z+.]".prop_map(|text| element(0x18, text.as_bytes())),
    ]
}

fn entry_extension() -> impl Strategy<Value = Vec<u8>> {
    let critical =
        prop_oneof![4 => Just(None), 1 => Just(Some(0xff)), 1 => Just(Some(0)), 1 => Just(Some(1))];
    prop_oneof![
        6 => (0_u8..=11).prop_map(|code| extension(&[0x55, 0x1d, 21], None, &element(0x0a, &[code]))),
        2 => time().prop_map(|time| extension(&[0x55, 0x1d, 24], None, &time)),
        1 => Just(extension(&[0x55, 0x1d, 29], Some(0xff), &element(0x30, &[]))),
        2 => critical.prop_map(|critical| extension(&[0x2a, 0x03, 0x04], critical, &[5, 0])),
    ]
}

fn entry() -> impl Strategy<Value = Vec<u8>> {
    // Few serial numbers, so that some are there twice.
    let serial =
        prop_oneof![prop::collection::vec(any::<u8>(), 0..24), (0_u8..4).prop_map(|octet| vec![octet])];
    let extensions = prop_oneof![
        4 => Just(Vec::new()),
        1 => Just(element(0x30, &[])),
        4 => prop::collection::vec(entry_extension(), 1..3).prop_map(|list| element(0x30, &list.concat())),
    ];
    (serial, time(), extensions).prop_map(|(serial, at, extensions)| {
        element(0x30, &[element(0x02, &serial), at, extensions].concat())
    })
}

fn list_extension() -> impl Strategy<Value = Vec<u8>> {
    let point = element(0xa0, &element(0xa0, &element(0x86, b"http://crl/1")));
    let points = prop_oneof![
        Just(point.clone()),
        Just([point, element(0x81, &[0xff])].concat()),
        Just(element(0x81, &[0xff])),
        Just(element(0x81, &[0])),
        Just(element(0x84, &[0xff])),
        Just(element(0x83, &[1, 2])),
        Just(Vec::new()),
    ];
    prop_oneof![
        6 => prop::collection::vec(any::<u8>(), 1..23)
            .prop_map(|number| extension(&[0x55, 0x1d, 20], None, &element(0x02, &number))),
        4 => (1_u8..0x7f).prop_map(|number| extension(&[0x55, 0x1d, 20], None, &element(0x02, &[number]))),
        2 => Just(extension(&[0x55, 0x1d, 35], None, &element(0x30, &element(0x80, &[7; 20])))),
        2 => points.prop_map(|point| extension(&[0x55, 0x1d, 28], Some(0xff), &element(0x30, &point))),
        1 => Just(extension(&[0x55, 0x1d, 27], Some(0xff), &element(0x02, &[1]))),
        1 => Just(extension(&[0x2a, 0x03], None, &[5, 0])),
        1 => Just(extension(&[0x2a, 0x03], Some(0xff), &[5, 0])),
    ]
}

fn list() -> impl Strategy<Value = Vec<u8>> {
    let version =
        prop_oneof![8 => Just(element(0x02, &[1])), 1 => Just(Vec::new()), 1 => Just(element(0x02, &[2]))];
    let entries = prop_oneof![
        1 => Just(Vec::new()),
        6 => prop::collection::vec(entry(), 0..5).prop_map(|list| element(0x30, &list.concat())),
    ];
    let extensions = prop_oneof![
        1 => Just(Vec::new()),
        6 => prop::collection::vec(list_extension(), 1..3)
            .prop_map(|list| element(0xa0, &element(0x30, &list.concat()))),
    ];
    let next_update = prop_oneof![8 => time(), 1 => Just(Vec::new())];
    (version, time(), next_update, entries, extensions).prop_map(
        |(version, this_update, next_update, entries, extensions)| {
            let algorithm = element(0x30, &element(0x06, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]));
            let name = element(0x30, &[element(0x06, &[0x55, 4, 3]), element(0x0c, b"CA")].concat());
            let issuer = element(0x30, &element(0x31, &name));
            let signed =
                [version, algorithm.clone(), issuer, this_update, next_update, entries, extensions].concat();
            let signature = element(0x03, &[0, 1, 2, 3]);
            element(0x30, &[element(0x30, &signed), algorithm, signature].concat())
        },
    )
}

/// A list, and what becomes of it on its way: octets are changed, left out and put in.
fn damaged_list() -> impl Strategy<Value = Vec<u8>> {
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 0..4);
    (list(), damage).prop_map(|(mut list, damage)| {
        for (place, octet, what) in damage {
            let place = place.index(list.len());
            match what {
                0 => drop(list.remove(place)),
                1 => list.insert(place, octet),
                2 => list[place] ^= 1 << (octet % 8),
                _ => list[place] = octet,
            }
        }
        list
    })
}

type Read = BTreeMap<Vec<u8>, Vec<(u64, u8)>>;

fn read(der: &[u8]) -> Result<Read, ListFault> {
    let frame = RevocationListFrame::parse(der)?;
    let mut read = Read::new();
    for entry in frame.entries() {
        let entry = entry?;
        read.entry(entry.serial.to_vec()).or_default().push((entry.at.as_secs(), entry.reason as u8));
    }
    match frame.next_update {
        Some(_) => Ok(read),
        None => Err(Expected("nextUpdate").into()),
    }
}

fn read_by_webpki(der: &[u8]) -> Result<Read, webpki::Error> {
    let mut read = Read::new();
    for entry in &BorrowedCertRevocationList::from_der(der)? {
        let entry = entry?;
        let reason = entry.reason_code.map_or(0, |reason| reason as u8);
        read.entry(entry.serial_number.to_vec()).or_default().push((entry.revocation_date.as_secs(), reason));
    }
    Ok(read)
}

/// Whether the list is of a kind that is taken here and not by webpki.
fn is_taken_on_purpose(der: &[u8]) -> bool {
    let Ok(frame) = RevocationListFrame::parse(der) else { return false };
    let has_extensions = frame.number.is_some() || frame.authority_key_id.is_some();
    match &frame.distribution_point {
        Some(point) => point.uris.is_empty() && point.only_user_certificates,
        None => frame.version == Version::One || !has_extensions,
    }
}

/// Whether webpki does not look at what is wrong.
fn is_unseen_by_webpki(fault: &ListFault) -> bool {
    match fault {
        ListFault::Malformed(expected) => {
            ["one cRLNumber", "an issuer", "an authority key identifier"].contains(&expected.0)
        }
        ListFault::DistributionPoint(fault) => {
            matches!(fault, DistributionPointFault::Malformed(_) | DistributionPointFault::NoUri)
        }
        _ => false,
    }
}

fn agree(der: &[u8]) -> Result<bool, TestCaseError> {
    match (read(der), read_by_webpki(der)) {
        (Ok(one), Ok(other)) => {
            prop_assert_eq!(one, other);
            Ok(true)
        }
        (Ok(_), Err(error)) => {
            prop_assert!(is_taken_on_purpose(der), "webpki refuses it: {error:?}: {der:02x?}");
            Ok(true)
        }
        (Err(fault), Ok(_)) => {
            prop_assert!(is_unseen_by_webpki(&fault), "webpki takes it: {fault:?}: {der:02x?}");
            Ok(false)
        }
        (Err(_), Err(_)) => Ok(false),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn lists_are_read_as_webpki_reads_them(der in list()) {
        agree(&der)?;
    }

    #[test]
    fn damaged_lists_are_never_read_where_webpki_refuses_them(der in damaged_list()) {
        agree(&der)?;
    }

    #[test]
    fn anything_is_read_without_panic(der in prop::collection::vec(any::<u8>(), 0..200)) {
        agree(&der)?;
    }
}

/// The comparison would be worth nothing if most lists were refused by both.
#[test]
fn enough_of_the_lists_are_good_ones() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let good = (0..1000).filter(|_| {
        let der = list().new_tree(&mut runner).unwrap().current();
        agree(&der).unwrap()
    });
    assert!(good.count() > 100);
}
