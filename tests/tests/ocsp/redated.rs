//! [`redated`]: the answer of OpenSSL with other times, because it makes none that ended or that end within a minute.

use time::OffsetDateTime;

use integration_tests::ocsp_authority::Authority;

/// The times in an answer, in whole seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// `producedAt` and `thisUpdate`.
    pub(crate) begin: OffsetDateTime,
    /// `nextUpdate`
    pub(crate) end: OffsetDateTime,
}

/// `response`, which says that a certificate is good and has no certificate along, from `times.begin` to `times.end`, signed
/// again.
pub(crate) fn redated(response: &[u8], times: Times, authority: &Authority) -> Vec<u8> {
    let [status, bytes] = elements(content(response));
    let [kind, basic] = elements(content(content(bytes)));
    let [signed, algorithm] = elements(content(content(basic)));
    let mut signed = signed.to_vec();
    // GeneralizedTime with seconds. What is random in an answer is longer than this is likely to stand in it.
    let places: Vec<usize> = signed
        .windows(2)
        .enumerate()
        .filter(|(_, head)| *head == [0x18, 15])
        .map(|(place, _)| place)
        .collect();
    assert_eq!(places.len(), 3, "producedAt, thisUpdate, nextUpdate");
    for (place, time) in places.into_iter().zip([times.begin, times.begin, times.end]) {
        signed[place + 2..place + 17].copy_from_slice(generalized(time).as_bytes());
    }
    let signature = authority.sign(&signed);
    let basic = tlv(0x30, &[&signed, algorithm, &tlv(0x03, &[&[0], &signature])]);
    let bytes = tlv(0xa0, &[&tlv(0x30, &[kind, &tlv(0x04, &[&basic])])]);
    tlv(0x30, &[status, &bytes])
}

fn generalized(time: OffsetDateTime) -> String {
    let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
    format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}Z", time.hour(), time.minute(), time.second())
}

/// How many octets the tag and the length of an element have, and how many its content.
fn lengths(der: &[u8]) -> (usize, usize) {
    match der[1] {
        short @ ..=0x7f => (2, usize::from(short)),
        0x81 => (3, usize::from(der[2])),
        0x82 => (4, usize::from(der[2]) << 8 | usize::from(der[3])),
        long => panic!("no answer is so long: {long:x}"),
    }
}

fn content(der: &[u8]) -> &[u8] {
    let (head, length) = lengths(der);
    &der[head..head + length]
}

/// The first two elements.
fn elements(der: &[u8]) -> [&[u8]; 2] {
    let end = |der| {
        let (head, length) = lengths(der);
        head + length
    };
    let (first, rest) = der.split_at(end(der));
    [first, &rest[..end(rest)]]
}

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).expect("no answer is so long").to_be_bytes();
    let head = match length {
        [0, short @ ..=0x7f] => vec![tag, short],
        [0, octet] => vec![tag, 0x81, octet],
        [high, low] => vec![tag, 0x82, high, low],
    };
    [head, content].concat()
}
