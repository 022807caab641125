//! [`Placement`]: where an image file puts the slot, and for which bootloaders.

use std::ops::RangeInclusive;

use device_identity::image::SLOT_LEN;

use super::{FlashAddress, Format, Uf2Family};

/// A block of a UF2 file goes to a multiple of its payload.
const UF2_ALIGNMENT: u32 = 256;

/// Where an image file puts the slot, and for which bootloaders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Placement {
    /// The flash address of the slot, in `.hex` and `.uf2` files.
    pub(super) address: FlashAddress,
    /// The family in `.uf2` files, which a bootloader compares with its own.
    pub(super) family: Option<Uf2Family>,
}

/// Why files of these formats cannot put a slot there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlacementError {
    /// UF2 has addresses that are multiples of 256 only.
    #[error("{address} is no multiple of {UF2_ALIGNMENT}, and uf2 files are written in blocks of that")]
    Unaligned {
        /// The address.
        address: FlashAddress,
    },
    /// The parts of this family have no flash there.
    #[error(
        "parts of the family {family} have flash from {:#010x} to {:#010x} at most, and none for a slot at {address}",
        .flash.start(),
        .flash.end()
    )]
    NoFlash {
        /// The address.
        address: FlashAddress,
        /// The family.
        family: Uf2Family,
        /// Where it has flash.
        flash: RangeInclusive<u32>,
    },
}

impl Placement {
    /// Checks that files of these formats can put a slot there.
    pub(crate) fn new(
        formats: &[Format],
        address: FlashAddress,
        family: Option<Uf2Family>,
    ) -> Result<Self, PlacementError> {
        if formats.contains(&Format::Uf2) {
            if !address.get().is_multiple_of(UF2_ALIGNMENT) {
                return Err(PlacementError::Unaligned { address });
            }
            if let Some(family) = family
                && let Some(flash) = family.flash()
                && !(flash.contains(&address.get()) && flash.contains(&last_byte(address)))
            {
                return Err(PlacementError::NoFlash { address, family, flash });
            }
        }
        Ok(Self { address, family })
    }
}

/// The address of the last byte of a slot, which is within 32 bits.
fn last_byte(address: FlashAddress) -> u32 {
    address.get().saturating_add(SLOT_LEN as u32 - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uf2_files_have_multiples_of_256_within_the_flash_of_their_family() {
        let placed = |formats: &[Format], address: &str, family: Option<&str>| {
            let family = family.map(|family| family.parse().unwrap());
            Placement::new(formats, address.parse().unwrap(), family)
        };
        for (formats, address, family) in [
            (&[Format::Hex][..], "0x08000004", None),
            (&[Format::Hex], "0x08000000", Some("RP2040")),
            (&[Format::Bin, Format::Pem], "4", Some("RP2040")),
            (&[Format::Uf2], "0x08000100", None),
            (&[Format::Uf2], "0x10fff000", Some("RP2040")),
            (&[Format::Uf2], "0xff000", Some("NRF52840")),
            (&[Format::Uf2], "0x90000000", Some("STM32H7")),
            (&[Format::Uf2], "0xfffff000", Some("0x12345678")),
        ] {
            assert!(placed(formats, address, family).is_ok(), "{address} {family:?}");
        }
        for (formats, address, family, words) in [
            (&[Format::Uf2][..], "0x08000004", None, "0x08000004 is no multiple of 256"),
            (&[Format::Hex, Format::Uf2], "128", None, "0x00000080 is no multiple of 256"),
            (&[Format::Uf2], "0", Some("RP2040"), "none for a slot at 0x00000000"),
            (&[Format::Uf2], "0x10fff100", Some("RP2040"), "from 0x10000000 to 0x10ffffff"),
            (&[Format::Uf2], "0x10080000", Some("NRF52840"), "the family NRF52840 (0xada52840)"),
            (&[Format::Uf2], "0x20000000", Some("RP2350_RISCV"), "none for a slot at 0x20000000"),
        ] {
            let error = placed(formats, address, family).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
