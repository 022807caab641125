//! [`Uf2Family`]: which bootloaders take a UF2 file.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A family that has a name.
struct Known {
    name: &'static str,
    number: u32,
    /// Where its bootloaders write, if every part of the family has its flash there.
    flash: Option<RangeInclusive<u32>>,
}

const fn known(name: &'static str, number: u32) -> Known {
    Known { name, number, flash: None }
}

const fn with_flash(name: &'static str, number: u32, flash: RangeInclusive<u32>) -> Known {
    Known { name, number, flash: Some(flash) }
}

/// The names and numbers of `uf2families.json` (<https://github.com/microsoft/uf2>) for parts with an ARM or RISC-V core,
/// and those of the RP2350 from its data sheet. The flash is that of the largest part of a family.
const KNOWN: [Known; 46] = [
    known("CSK4", 0x4f6a_ce52),
    known("CSK6", 0x6e73_48a8),
    known("ESP32", 0x1c5f_21b0),
    known("ESP32C2", 0x2b88_d29c),
    known("ESP32C3", 0xd42b_a06c),
    known("ESP32C6", 0x540d_df62),
    known("ESP32H2", 0x3327_26f6),
    known("ESP32P4", 0x3d30_8e94),
    known("ESP32S2", 0xbfdd_4eee),
    known("ESP32S3", 0xc47e_5767),
    known("ESP8266", 0x7eab_61ed),
    known("GD32F350", 0x31d2_28c6),
    known("GD32VF103", 0x9af0_3e33),
    known("KL32L2", 0x7f83_e793),
    known("LPC55", 0x2abc_77ec),
    known("M0SENSE", 0x11de_784a),
    known("MIMXRT10XX", 0x4fb2_d5bd),
    known("MaixPlay-U4", 0x4b68_4d71),
    with_flash("NRF52", 0x1b57_745f, 0..=0x0007_ffff),
    with_flash("NRF52833", 0x621e_937a, 0..=0x0007_ffff),
    with_flash("NRF52840", 0xada5_2840, 0..=0x000f_ffff),
    with_flash("RP2040", 0xe48b_ff56, 0x1000_0000..=0x10ff_ffff),
    with_flash("RP2350_ARM_NS", 0xe48b_ff5b, 0x1000_0000..=0x11ff_ffff),
    with_flash("RP2350_ARM_S", 0xe48b_ff59, 0x1000_0000..=0x11ff_ffff),
    with_flash("RP2350_RISCV", 0xe48b_ff5a, 0x1000_0000..=0x11ff_ffff),
    known("RZA1LU", 0x9517_422f),
    with_flash("SAMD21", 0x68ed_2b88, 0..=0x0003_ffff),
    with_flash("SAMD51", 0x5511_4460, 0..=0x000f_ffff),
    with_flash("SAML21", 0x1851_780a, 0..=0x0003_ffff),
    known("STM32F0", 0x6478_24b6),
    known("STM32F1", 0x5ee2_1072),
    known("STM32F2", 0x5d1a_0a2e),
    known("STM32F3", 0x6b84_6188),
    known("STM32F4", 0x5775_5a57),
    known("STM32F407", 0x6d09_22fa),
    known("STM32F407VG", 0x8fb0_60fe),
    known("STM32F7", 0x53b8_0f00),
    known("STM32G0", 0x300f_5633),
    known("STM32G4", 0x4c71_240a),
    known("STM32H7", 0x6db6_6082),
    known("STM32L0", 0x202e_3a91),
    known("STM32L1", 0x1e1f_432d),
    known("STM32L4", 0x00ff_6919),
    known("STM32L5", 0x0424_0bdf),
    known("STM32WB", 0x70d1_6653),
    known("STM32WL", 0x2146_0ff0),
];

/// A UF2 family: one with a name, or any other number but zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Uf2Family(u32);

/// Why a text names no UF2 family.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Uf2FamilyError {
    /// No family has this name.
    #[error("no family has this name; these have one: {}; another is given by its number, with 0x", names())]
    NoSuchName,
    /// It is a decimal number that no family with a name has.
    #[error("no family with a name has this number: give it as the bootloader's documentation does, with 0x")]
    UnknownDecimal,
    /// It does not fit 32 bits.
    #[error("the number of a family has 32 bits, the highest is 0xffffffff")]
    TooHigh,
    /// Zero is what files without a family have in its place.
    #[error("0 is no family")]
    Zero,
}

impl Uf2Family {
    /// A family by its number; `None` for zero.
    pub(crate) fn new(number: u32) -> Option<Self> {
        (number != 0).then_some(Self(number))
    }

    /// The number.
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// The name, if it has one.
    pub(crate) fn name(self) -> Option<&'static str> {
        self.known().map(|known| known.name)
    }

    /// Where bootloaders of this family write, if it is known.
    pub(super) fn flash(self) -> Option<RangeInclusive<u32>> {
        self.known().and_then(|known| known.flash.clone())
    }

    fn known(self) -> Option<&'static Known> {
        KNOWN.iter().find(|known| known.number == self.0)
    }
}

impl FromStr for Uf2Family {
    type Err = Uf2FamilyError;

    fn from_str(text: &str) -> Result<Self, Uf2FamilyError> {
        if let Some(known) = KNOWN.iter().find(|known| known.name.eq_ignore_ascii_case(text)) {
            return Ok(Self(known.number));
        }
        let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        let (digits, radix) = hex.map_or((text, 10), |hex| (hex, 16));
        if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
            return Err(Uf2FamilyError::NoSuchName);
        }
        let number = u32::from_str_radix(digits, radix).map_err(|_| Uf2FamilyError::TooHigh)?;
        let family = Self::new(number).ok_or(Uf2FamilyError::Zero)?;
        if hex.is_none() && family.known().is_none() {
            return Err(Uf2FamilyError::UnknownDecimal);
        }
        Ok(family)
    }
}

impl fmt::Display for Uf2Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({:#010x})", self.0),
            None => write!(f, "{:#010x}", self.0),
        }
    }
}

fn names() -> String {
    KNOWN.map(|known| known.name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_a_name_of_any_case_a_number_of_a_name_or_any_number_with_0x() {
        for (text, number) in [
            ("RP2040", 0xe48b_ff56),
            ("rp2040", 0xe48b_ff56),
            ("maixplay-u4", 0x4b68_4d71),
            ("0xADA52840", 0xada5_2840),
            ("3834380118", 0xe48b_ff56),
            ("0x12345678", 0x1234_5678),
        ] {
            assert_eq!(text.parse::<Uf2Family>().map(Uf2Family::number), Ok(number), "{text}");
        }
        for (text, error) in [
            ("", Uf2FamilyError::NoSuchName),
            ("RP2041", Uf2FamilyError::NoSuchName),
            ("0x", Uf2FamilyError::NoSuchName),
            ("e48bff56", Uf2FamilyError::NoSuchName),
            ("12345678", Uf2FamilyError::UnknownDecimal),
            ("0x1e48bff56", Uf2FamilyError::TooHigh),
            ("0", Uf2FamilyError::Zero),
            ("0x0", Uf2FamilyError::Zero),
        ] {
            assert_eq!(text.parse::<Uf2Family>(), Err(error), "{text}");
        }
    }

    #[test]
    fn every_name_and_every_number_is_there_once() {
        for (index, known) in KNOWN.iter().enumerate() {
            let twins = KNOWN
                .iter()
                .skip(index + 1)
                .find(|other| other.number == known.number || other.name.eq_ignore_ascii_case(known.name));
            assert!(twins.is_none(), "{}", known.name);
        }
    }
}
