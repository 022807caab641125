//! [`FlashAddress`]: where a slot is put in flash.

use std::fmt;
use std::str::FromStr;

use device_identity::image::SLOT_LEN;

/// What flash controllers write at once is never less than this, in bytes.
const WORD: u32 = 4;

/// The highest address at which a slot still ends within 32 bits.
const HIGHEST: u32 = u32::MAX - (SLOT_LEN as u32 - 1);

/// An address at which a slot can be flashed: a multiple of a word, and the slot ends within 32 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FlashAddress(u32);

/// Why no slot can be flashed at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    /// It is no number.
    #[error("an address is a number, decimal or with 0x")]
    NotANumber,
    /// It is decimal by its form, and hexadecimal by its look.
    #[error(
        "a number that begins with 0 is hexadecimal to some and decimal to others: write 0x before it, or no 0"
    )]
    LeadingZero,
    /// It does not fit 32 bits.
    #[error("addresses have 32 bits, the highest is 0xffffffff")]
    TooHigh,
    /// It is between two words.
    #[error("{address:#010x} is no multiple of {WORD}, and flash is written in words")]
    Unaligned {
        /// The address.
        address: u32,
    },
    /// The slot would end past 32 bits.
    #[error("a slot of {SLOT_LEN} bytes at {address:#010x} would end past 0xffffffff")]
    Overflow {
        /// The address.
        address: u32,
    },
}

impl FlashAddress {
    /// Checks an address.
    pub(crate) fn new(address: u32) -> Result<Self, AddressError> {
        if address > HIGHEST {
            Err(AddressError::Overflow { address })
        } else if !address.is_multiple_of(WORD) {
            Err(AddressError::Unaligned { address })
        } else {
            Ok(Self(address))
        }
    }

    /// The address as a number.
    pub(crate) fn get(self) -> u32 {
        self.0
    }
}

impl FromStr for FlashAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        let (digits, radix) = hex.map_or((text, 10), |hex| (hex, 16));
        if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
            return Err(AddressError::NotANumber);
        }
        if hex.is_none() && digits.len() > 1 && digits.starts_with('0') {
            return Err(AddressError::LeadingZero);
        }
        // Only digits, so that nothing but the size can be wrong.
        let address = u32::from_str_radix(digits, radix).map_err(|_| AddressError::TooHigh)?;
        Self::new(address)
    }
}

impl fmt::Display for FlashAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_word_at_which_a_slot_ends_within_32_bits() {
        let parsed = |text: &str| text.parse::<FlashAddress>().map(FlashAddress::get);
        for (text, address) in [
            ("0", 0),
            ("0x0", 0),
            ("4096", 4096),
            ("0x0807F000", 0x0807_f000),
            ("0X10080004", 0x1008_0004),
            ("0x00000000010080000", 0x1008_0000),
            ("0xfffff000", 0xffff_f000),
        ] {
            assert_eq!(parsed(text), Ok(address), "{text}");
        }
        for (text, error) in [
            ("", AddressError::NotANumber),
            ("0x", AddressError::NotANumber),
            ("-4096", AddressError::NotANumber),
            ("+4096", AddressError::NotANumber),
            ("0x-1000", AddressError::NotANumber),
            ("1008000h", AddressError::NotANumber),
            ("0807F000", AddressError::NotANumber),
            ("08080000", AddressError::LeadingZero),
            ("0x100000000", AddressError::TooHigh),
            ("4294967296", AddressError::TooHigh),
            ("0xffffffffffffffffff", AddressError::TooHigh),
            ("0x10080001", AddressError::Unaligned { address: 0x1008_0001 }),
            ("0x10080002", AddressError::Unaligned { address: 0x1008_0002 }),
            ("0xfffff004", AddressError::Overflow { address: 0xffff_f004 }),
            ("0xffffffff", AddressError::Overflow { address: 0xffff_ffff }),
        ] {
            assert_eq!(parsed(text), Err(error), "{text}");
        }
    }
}
