//! DER, element by element (X.690 §10): one encoding for each value, so that no two programs read two things.
//!
//! The parser's own reader takes lengths in any encoding, and builds trees. This one builds nothing.

use std::time::Duration;

use rustls_pki_types::UnixTime;
use time::{Date, Month, PrimitiveDateTime, Time};

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;

/// The tag of a context-specific primitive element.
pub(super) const fn context(number: u8) -> u8 {
    0x80 | number
}

/// The tag of a context-specific constructed element.
pub(super) const fn constructed(number: u8) -> u8 {
    0xa0 | number
}

/// What was expected, and is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expected(pub(crate) &'static str);

/// One element: with and without its header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) whole: &'a [u8],
    pub(super) contents: &'a [u8],
}

/// Elements that follow each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    pub(super) fn of(der: &'a [u8]) -> Self {
        Self(der)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tag of the next element.
    pub(super) fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element, whatever it is.
    pub(super) fn any(&mut self) -> Option<Element<'a>> {
        let (tag, length) = self.0.split_first()?;
        // Tags of more than one octet occur in nothing that is read here.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, rest) = read_length(length)?;
        let (contents, rest) = rest.split_at_checked(length)?;
        let whole = self.0.get(..self.0.len().checked_sub(rest.len())?)?;
        self.0 = rest;
        Some(Element { tag: *tag, whole, contents })
    }

    /// The next element, which must have this tag.
    pub(super) fn next(&mut self, tag: u8, expected: &'static str) -> Result<Element<'a>, Expected> {
        let mut ahead = *self;
        match ahead.any() {
            Some(element) if element.tag == tag => {
                *self = ahead;
                Ok(element)
            }
            _ => Err(Expected(expected)),
        }
    }

    /// The next element, if it has this tag.
    pub(super) fn optional(
        &mut self,
        tag: u8,
        expected: &'static str,
    ) -> Result<Option<Element<'a>>, Expected> {
        if self.tag() == Some(tag) { self.next(tag, expected).map(Some) } else { Ok(None) }
    }

    /// The next element, whose contents are elements.
    pub(super) fn inside(&mut self, tag: u8, expected: &'static str) -> Result<Self, Expected> {
        self.next(tag, expected).map(|element| Self(element.contents))
    }

    /// The next element, a Time (RFC 5280 §4.1.2.5): to the second, in UTC, from 1970.
    pub(super) fn time(&mut self, expected: &'static str) -> Result<UnixTime, Expected> {
        let element = self.any().ok_or(Expected(expected))?;
        read_time(element.tag, element.contents).ok_or(Expected(expected))
    }

    /// Nothing must follow.
    pub(super) fn end(&self, expected: &'static str) -> Result<(), Expected> {
        if self.0.is_empty() { Ok(()) } else { Err(Expected(expected)) }
    }
}

/// A length in its shortest form, up to four octets, and what follows it.
fn read_length(der: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = der.split_first()?;
    let count = match first {
        0..=0x7f => return Some((usize::from(*first), rest)),
        0x81..=0x84 => usize::from(first & 0x7f),
        _ => return None,
    };
    let (octets, rest) = rest.split_at_checked(count)?;
    let length = octets.iter().fold(0_usize, |length, octet| length << 8 | usize::from(*octet));
    let shortest = match count {
        1 => length >= 0x80,
        _ => octets.first() != Some(&0),
    };
    shortest.then_some((length, rest))
}

fn read_time(tag: u8, text: &[u8]) -> Option<UnixTime> {
    let digits = text.strip_suffix(b"Z")?;
    let (year, rest) = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let (year, rest) = digits.split_at_checked(2)?;
            let year = number(year)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        (GENERALIZED_TIME, 14) => {
            let (year, rest) = digits.split_at_checked(4)?;
            (number(year)?, rest)
        }
        _ => return None,
    };
    let mut pairs = rest.chunks_exact(2).map(|pair| number(pair).and_then(|pair| u8::try_from(pair).ok()));
    let mut pair = || pairs.next().flatten();
    let month = Month::try_from(pair()?).ok()?;
    let date = Date::from_calendar_date(year.into(), month, pair()?).ok()?;
    let time = Time::from_hms(pair()?, pair()?, pair()?).ok()?;
    let seconds = PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp();
    u64::try_from(seconds).ok().map(|seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}

/// A number of decimal digits.
fn number(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0_u16, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

/// The octets of a non-negative INTEGER in its shortest form.
pub(super) fn non_negative(contents: &[u8]) -> Option<&[u8]> {
    match contents {
        [] => None,
        [0, second, ..] if *second < 0x80 => None,
        [first, ..] if *first >= 0x80 => None,
        [0, rest @ ..] if !rest.is_empty() => Some(rest),
        _ => Some(contents),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_has_one_encoding() {
        for (der, length) in [
            (&[0x04, 0x01, 7][..], Some(1)),
            (&[0x04, 0x81, 0x01, 7], None),
            (&[0x04, 0x82, 0x00, 0x01, 7], None),
            (&[0x04, 0x80, 7, 0, 0], None),
            (&[0x04, 0x02, 7], None),
            (&[0x1f, 0x01, 7], None),
            (&[0x04, 0x85, 0, 0, 0, 0, 1, 7], None),
        ] {
            let element = Elements::of(der).any();
            assert_eq!(element.map(|element| element.contents.len()), length, "{der:02x?}");
        }
        let long = [&[0x04, 0x81, 0x80][..], &[0; 0x80]].concat();
        assert_eq!(Elements::of(&long).any().map(|element| element.contents.len()), Some(0x80));
    }

    #[test]
    fn times_are_whole_seconds_in_utc_from_1970() {
        for (tag, text, seconds) in [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (GENERALIZED_TIME, "20300101000000Z", Some(1_893_456_000)),
            (GENERALIZED_TIME, "20240229120000Z", Some(1_709_208_000)),
            (GENERALIZED_TIME, "20230229120000Z", None),
            (GENERALIZED_TIME, "19691231235959Z", None),
            (UTC_TIME, "691231235959Z", None),
            (UTC_TIME, "7001010000Z", None),
            (UTC_TIME, "700101000000+0100", None),
            (GENERALIZED_TIME, "20300101000000.5Z", None),
            (GENERALIZED_TIME, "2030010100000 Z", None),
            (GENERALIZED_TIME, "20300101240000Z", None),
            (GENERALIZED_TIME, "20300101000060Z", None),
        ] {
            let time = read_time(tag, text.as_bytes()).map(|time| time.as_secs());
            assert_eq!(time, seconds, "{text}");
        }
    }
}
