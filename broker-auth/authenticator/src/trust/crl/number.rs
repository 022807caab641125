//! [`CrlNumber`].

use std::fmt;
use std::str::FromStr;

/// A CRL number (RFC 5280 §5.2.3): up to 20 octets, and it only ever grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CrlNumber([u8; Self::MAX_LEN]);

impl CrlNumber {
    /// The longest CRL number, in octets.
    pub const MAX_LEN: usize = 20;

    /// From the big-endian octets of a non-negative INTEGER. `None` if it needs more than [`Self::MAX_LEN`] octets.
    pub fn from_be_octets(octets: &[u8]) -> Option<Self> {
        let zeros = octets.iter().take_while(|octet| **octet == 0).count();
        let significant = octets.get(zeros..)?;
        let mut padded = [0; Self::MAX_LEN];
        padded.get_mut(Self::MAX_LEN.checked_sub(significant.len())?..)?.copy_from_slice(significant);
        Some(Self(padded))
    }

    /// The number, if it fits.
    fn as_u128(&self) -> Option<u128> {
        let (high, low) = self.0.split_first_chunk::<4>()?;
        let low: [u8; 16] = low.try_into().ok()?;
        (*high == [0; 4]).then(|| u128::from_be_bytes(low))
    }
}

/// Decimal up to 128 bits, `0x…` above.
impl fmt::Display for CrlNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(number) = self.as_u128() {
            return write!(f, "{number}");
        }
        f.write_str("0x")?;
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// A text is no CRL number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a CRL number")]
pub struct NotACrlNumber;

impl FromStr for CrlNumber {
    type Err = NotACrlNumber;

    /// Reads what `Display` writes.
    fn from_str(text: &str) -> Result<Self, NotACrlNumber> {
        let Some(hex) = text.strip_prefix("0x") else {
            let number: u128 = text.parse().map_err(|_| NotACrlNumber)?;
            return Self::from_be_octets(&number.to_be_bytes()).ok_or(NotACrlNumber);
        };
        if hex.len() != 2 * Self::MAX_LEN || !hex.is_ascii() {
            return Err(NotACrlNumber);
        }
        let mut octets = [0; Self::MAX_LEN];
        for (octet, pair) in octets.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| NotACrlNumber)?;
            *octet = u8::from_str_radix(pair, 16).map_err(|_| NotACrlNumber)?;
        }
        Ok(Self(octets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_as_integers_whatever_their_length() {
        let number = |octets: &[u8]| CrlNumber::from_be_octets(octets).expect("short enough");
        assert!(number(&[2]) < number(&[1, 0]));
        assert_eq!(number(&[0, 0, 7]), number(&[7]));
        assert!(CrlNumber::from_be_octets(&[1; 21]).is_none());
    }

    #[test]
    fn a_crl_number_is_parsed_as_it_is_displayed() {
        for octets in [&[][..], &[0x65, 0x43, 0x21, 0x00], &[0xff; 16], &[0xff; 20]] {
            let number = CrlNumber::from_be_octets(octets).expect("short enough");
            assert_eq!(number.to_string().parse(), Ok(number));
        }
        for text in ["", "-1", "x", "0x12", "0xé"] {
            assert_eq!(text.parse::<CrlNumber>(), Err(NotACrlNumber), "{text}");
        }
    }
}
