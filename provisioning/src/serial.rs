//! [`SerialNumber`]: the 128 random bits by which certificates are numbered.

use std::fmt;
use std::str::FromStr;

use ring::rand::SecureRandom;
use serde::{Serialize, Serializer};

use crate::digest::Hex;
use crate::spelling::trimmed;

/// The length of a serial number in bytes.
///
/// 128 bits: twice what a CA must draw from a CSPRNG (CA/B baseline requirements §7.1), so that stations without a
/// common registry do not draw the same number, and still under the 20 octets that RFC 5280 §4.1.2.2 allows.
pub(crate) const LEN: usize = 16;

/// How many digits a serial number of this fleet has in decimal.
const DECIMAL_DIGITS: std::ops::RangeInclusive<usize> = 37..=39;

/// The serial number of a certificate of this fleet.
///
/// The first byte is 0x01 to 0x7f: the number is positive, not zero, and its DER content octets are these 16 bytes,
/// so the hex form always has 32 digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SerialNumber([u8; LEN]);

impl SerialNumber {
    /// Draws a random serial number.
    pub(crate) fn generate(rng: &dyn SecureRandom) -> Result<Self, ring::error::Unspecified> {
        loop {
            let mut bytes = [0; LEN];
            rng.fill(&mut bytes)?;
            let [first, ..] = &mut bytes;
            *first &= 0x7f;
            // One draw in 128 starts with a zero byte, which DER would strip.
            if let Some(serial) = Self::from_bytes(bytes) {
                return Ok(serial);
            }
        }
    }

    /// A serial number drawn earlier; `None` if [`SerialNumber::generate`] never draws these bytes.
    pub(crate) fn from_bytes(bytes: [u8; LEN]) -> Option<Self> {
        let [first, ..] = bytes;
        (0x01..=0x7f).contains(&first).then_some(Self(bytes))
    }

    /// The DER content octets.
    pub(crate) fn as_bytes(&self) -> &[u8; LEN] {
        &self.0
    }
}

/// The serial number of an entry of a CRL: that of a certificate of this fleet or, in a list that others made with this
/// CA's key, any positive INTEGER.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ListedSerial(Vec<u8>);

impl ListedSerial {
    /// From DER content octets; `None` if they are not those of a positive number.
    pub(crate) fn from_content(content: &[u8]) -> Option<Self> {
        let minimal = match content {
            [] | [0] => false,
            [0, next, ..] => *next >= 0x80,
            [first, ..] => *first < 0x80,
        };
        minimal.then(|| Self(content.to_vec()))
    }

    /// The DER content octets.
    pub(crate) fn content(&self) -> &[u8] {
        &self.0
    }
}

/// Hex without a leading sign octet.
impl fmt::Display for ListedSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(self.0.strip_prefix(&[0]).unwrap_or(&self.0)).fmt(f)
    }
}

impl Serialize for ListedSerial {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a text is no serial number of this fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SerialNumberError {
    /// A character that is no digit.
    #[error("a serial number is written in hex or decimal digits, {found:?} is none")]
    NotHex {
        /// The first such character.
        found: char,
    },
    /// The wrong number of digits.
    #[error(
        "a serial number of this fleet has 31 or 32 hex digits, or 37 to 39 decimal ones, this one has {digits}"
    )]
    Length {
        /// How many there are.
        digits: usize,
    },
    /// The number is not between 01… and 7f…
    #[error("a serial number of this fleet starts with 01 to 7f")]
    Range,
}

/// A serial number is an integer, and read as any tool writes it: hex in either case, with colons or spaces, after `0x` or
/// `serial=`, with a zero in front or without the one it begins with; or decimal, which has more digits than hex.
impl FromStr for SerialNumber {
    type Err = SerialNumberError;

    fn from_str(text: &str) -> Result<Self, SerialNumberError> {
        let text = trimmed(text);
        let text = text.strip_prefix("serial=").unwrap_or(text);
        let text = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
        let digits = text
            .chars()
            .filter(|&character| character != ':' && !character.is_whitespace())
            .map(|character| {
                let digit = character.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                digit.ok_or(SerialNumberError::NotHex { found: character })
            })
            .collect::<Result<Vec<u8>, _>>()?;
        let length = SerialNumberError::Length { digits: digits.len() };
        let in_front = digits.iter().take_while(|digit| **digit == 0).count();
        let significant = digits.get(in_front..).unwrap_or_default();
        if DECIMAL_DIGITS.contains(&significant.len())
            && significant.iter().all(|digit| *digit <= 9)
            && text.len() == digits.len()
        {
            let number: u128 = text.parse().map_err(|_| SerialNumberError::Range)?;
            return Self::from_bytes(number.to_be_bytes()).ok_or(SerialNumberError::Range);
        }
        if digits.len() < 2 * LEN - 1 || significant.len() > 2 * LEN {
            return Err(length);
        }
        let number = significant.iter().fold(0, |number: u128, digit| (number << 4) | u128::from(*digit));
        Self::from_bytes(number.to_be_bytes()).ok_or(SerialNumberError::Range)
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

impl fmt::Debug for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SerialNumber({self})")
    }
}

impl Serialize for SerialNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;

    #[test]
    fn every_serial_number_is_positive_sixteen_bytes_long_and_parses_back() {
        for _ in 0..2000 {
            let serial = SerialNumber::generate(&SystemRandom::new()).unwrap();
            assert!((1..=0x7f).contains(&serial.as_bytes()[0]));
            let hex = serial.to_string();
            let number = u128::from_be_bytes(*serial.as_bytes());
            let octets: Vec<String> = serial.as_bytes().iter().map(|octet| format!("{octet:02X}")).collect();
            for written in [
                hex.to_uppercase(),
                format!("0x{hex}"),
                format!("serial={hex}"),
                format!("00{hex}"),
                format!("{number:x}"),
                format!("{number}"),
                format!(" 0{number}\n"),
                octets.join(":"),
                octets.join(" "),
                format!("00:{}", octets.join(":").to_lowercase()),
            ] {
                assert_eq!(written.parse(), Ok(serial), "{written}");
            }
        }
    }

    #[test]
    fn hex_with_colons_as_openssl_prints_it_parses_and_other_text_does_not() {
        let colons = "0a:0b:0c:0d:0e:0f:10:11:12:13:14:15:16:17:18:19";
        assert_eq!(colons.parse::<SerialNumber>().unwrap().to_string(), colons.replace(':', ""));
        assert_eq!("g1".parse::<SerialNumber>(), Err(SerialNumberError::NotHex { found: 'g' }));
        assert_eq!("01".parse::<SerialNumber>(), Err(SerialNumberError::Length { digits: 2 }));
        assert_eq!("00".repeat(16).parse::<SerialNumber>(), Err(SerialNumberError::Range));
        assert_eq!("ff".repeat(16).parse::<SerialNumber>(), Err(SerialNumberError::Range));
    }

    #[test]
    fn a_serial_number_is_the_same_integer_however_it_is_written() {
        let serial: SerialNumber = "0a0b0c0d0e0f10111213141516171819".parse().unwrap();
        for written in [
            "0A0B0C0D0E0F10111213141516171819",
            "serial=0A0B0C0D0E0F10111213141516171819",
            "0x0a0b0c0d0e0f10111213141516171819",
            "a0b0c0d0e0f10111213141516171819",
            "00:0a:0b:0c:0d:0e:0f:10:11:12:13:14:15:16:17:18:19",
            "0a 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17 18 19",
            "\u{200e}0a0b0c0d0e0f10111213141516171819\u{a0}",
            "13349639646525398235987214510702663705",
        ] {
            assert_eq!(written.parse(), Ok(serial), "{written}");
        }
        let largest = SerialNumber::from_bytes((u128::MAX >> 1).to_be_bytes()).unwrap();
        assert_eq!((u128::MAX >> 1).to_string().parse(), Ok(largest));
        assert_eq!("9".repeat(39).parse::<SerialNumber>(), Err(SerialNumberError::Range));
    }
}
