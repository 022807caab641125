//! What revocation lists and logs call a certificate by.

use std::fmt;
use std::str::FromStr;

/// A certificate's serial number: at most 20 octets, unique under its issuer (RFC 5280 §4.1.2.2).
///
/// Kept as the integer, big-endian and zero-padded on the left, so that a certificate and a CRL entry that encode the
/// sign octet differently still meet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial([u8; Self::MAX_LEN]);

impl Serial {
    /// The longest serial number a CA may use, in octets (RFC 5280 §4.1.2.2).
    pub const MAX_LEN: usize = 20;

    /// From the DER content octets of the INTEGER. `None` if it needs more than [`Self::MAX_LEN`] octets.
    pub fn from_der_contents(contents: &[u8]) -> Option<Self> {
        let significant = significant(contents);
        let mut padded = [0; Self::MAX_LEN];
        let start = Self::MAX_LEN.checked_sub(significant.len())?;
        padded.get_mut(start..)?.copy_from_slice(significant);
        Some(Self(padded))
    }

    /// The INTEGER in DER: tag, length and contents, with a sign octet where it needs one.
    pub(crate) fn to_der(self) -> Vec<u8> {
        let octets = significant(&self.0);
        let sign: &[u8] = if octets.first().is_some_and(|first| *first >= 0x80) { &[0] } else { &[] };
        // At most 21 octets: the length is one octet.
        let length = u8::try_from(sign.len() + octets.len()).unwrap_or(u8::MAX);
        [&[0x02, length], sign, octets].concat()
    }

    /// The integer, big-endian, padded to 20 octets.
    pub(crate) fn as_padded(&self) -> &[u8; Self::MAX_LEN] {
        &self.0
    }
}

/// `octets` without leading zeros, but never empty unless it was.
fn significant(octets: &[u8]) -> &[u8] {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    octets.get(zeros.min(octets.len().saturating_sub(1))..).unwrap_or_default()
}

/// Lower-case hex of the octets, without leading zeros.
impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        significant(&self.0).iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

/// Why a text is no hexadecimal number of the right length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HexError {
    /// A character that is no hexadecimal digit.
    #[error("{0:?} is no hexadecimal digit")]
    Digit(char),
    /// Too many digits, or too few.
    #[error("it has {found} hexadecimal digits, and {wanted} are needed")]
    Length {
        /// How many there are.
        found: usize,
        /// How many there must be.
        wanted: &'static str,
    },
}

/// The octets of a hexadecimal number, as tools print it and people paste it: in upper or lower case, with colons or spaces
/// or without, after `0x` or not.
fn octets_of(text: &str) -> Result<Vec<u8>, HexError> {
    let text = text.trim();
    let text = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let digits = text.chars().filter(|digit| *digit != ':' && !digit.is_whitespace());
    let digits = digits.map(|digit| digit.to_digit(16).ok_or(HexError::Digit(digit)));
    let digits: Vec<_> = digits.collect::<Result<_, _>>()?;
    let (odd, pairs) = digits.split_at(digits.len() % 2);
    let octet = |pair: &[u32]| pair.iter().fold(0, |octet, digit| octet << 4 | *digit) as u8;
    Ok(odd.chunks(1).chain(pairs.chunks(2)).map(octet).collect())
}

impl FromStr for Serial {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        // As `openssl x509 -serial` prints it.
        let octets = octets_of(text.trim().strip_prefix("serial=").unwrap_or(text))?;
        let wrong = HexError::Length { found: 2 * octets.len(), wanted: "1 to 40" };
        if octets.is_empty() { Err(wrong) } else { Self::from_der_contents(&octets).ok_or(wrong) }
    }
}

impl FromStr for Fingerprint {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        let octets = octets_of(text)?;
        let wrong = HexError::Length { found: 2 * octets.len(), wanted: "64" };
        octets.try_into().map(Self).map_err(|_| wrong)
    }
}

/// A SHA-256 digest that stands for a certificate or a key. Displays as lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self::of_all(&[bytes])
    }

    /// The digest of the concatenation of `parts`.
    pub(crate) fn of_all(parts: &[&[u8]]) -> Self {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        parts.iter().for_each(|part| context.update(part));
        let mut digest = [0; 32];
        digest.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
        Self(digest)
    }

    /// The 32 octets.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The digest as somebody else states it.
impl From<[u8; 32]> for Fingerprint {
    fn from(octets: [u8; 32]) -> Self {
        Self(octets)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_octet_does_not_make_another_serial() {
        assert_eq!(Serial::from_der_contents(&[0x00, 0x80]), Serial::from_der_contents(&[0x80]));
        assert_ne!(Serial::from_der_contents(&[0x80, 0x00]), Serial::from_der_contents(&[0x80]));
    }

    #[test]
    fn in_der_it_is_positive_and_as_short_as_can_be() {
        for (contents, der) in [
            (&[0x00, 0x80][..], vec![2, 2, 0, 0x80]),
            (&[0x7f], vec![2, 1, 0x7f]),
            (&[0x00], vec![2, 1, 0]),
            (&[0xff; 20], [&[2, 21, 0][..], &[0xff; 20]].concat()),
        ] {
            assert_eq!(Serial::from_der_contents(contents).unwrap().to_der(), der);
        }
    }

    #[test]
    fn twenty_octets_fit_with_their_sign_octet_and_twenty_one_do_not() {
        assert!(Serial::from_der_contents(&[0xff; 20]).is_some());
        let mut signed = vec![0];
        signed.extend([0xff; 20]);
        assert!(Serial::from_der_contents(&signed).is_some());
        assert!(Serial::from_der_contents(&[0x01; 21]).is_none());
    }

    #[test]
    fn a_number_is_read_as_any_tool_writes_it() {
        let written =
            ["0ab1", "ab1", "0A:B1", "0x0ab1", "0XAB1", " 0a b1\n", "serial=0AB1", "00 0a:b1\u{a0}"];
        let serial = Serial::from_der_contents(&[0x0a, 0xb1]).unwrap();
        for text in written {
            assert_eq!(text.parse(), Ok(serial), "{text:?}");
        }
        for text in ["", "0x", "serial=", ":", "xyz", "0ab1;", &"1".repeat(41)] {
            assert!(text.parse::<Serial>().is_err(), "{text:?}");
        }
        let digest = Fingerprint::of(b"");
        assert_eq!(digest.to_string().to_uppercase().parse(), Ok(digest));
        assert!("0x00".parse::<Fingerprint>().is_err());
    }

    #[test]
    fn hex_has_no_leading_zero_octet_and_zero_is_written_as_one() {
        let hex = |octets: &[u8]| Serial::from_der_contents(octets).map(|serial| serial.to_string());
        assert_eq!(hex(&[0x00, 0xab, 0x01]).as_deref(), Some("ab01"));
        assert_eq!(hex(&[0x0a]).as_deref(), Some("0a"));
        assert_eq!(hex(&[0x00]).as_deref(), Some("00"));
        assert_eq!(hex(&[]).as_deref(), Some("00"));
    }
}
