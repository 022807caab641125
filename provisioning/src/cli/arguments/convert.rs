//! [`Convert`]: the arguments of `convert`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, ValueHint};

use super::json::Json;
use crate::image::{FlashAddress, Format, Uf2Family};

/// Write the files of a device in another format.
///
/// From an image (bin, hex, uf2), or from a certificate chain and its private key (*.cert.pem and *.key.pem; of one, the
/// other is looked for beside it), which is checked to belong to it. Between images nothing else is needed; from and to pem,
/// the certificates and the settings of the fleet are, and no passphrase. No file is replaced; one that is there with the
/// same content is left as it is.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign-provision convert fleet/images/pump-0001.bin --format uf2 --address 0x10080000 --uf2-family RP2040
  countersign-provision convert fleet/images/pump-0001.cert.pem --format bin --out stick/")]
pub(in crate::cli) struct Convert {
    /// An image, or a certificate chain and its private key.
    #[arg(value_name = "FILE", required = true, num_args = 1..=2, value_hint = ValueHint::FilePath)]
    pub(in crate::cli) files: Vec<PathBuf>,

    /// What to write: bin (one 4096-byte flash slot), hex, uf2, pem (certificate and key).
    #[arg(long, value_name = "FORMAT")]
    #[arg(value_parser = PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(|name| name.parse::<Format>()))]
    pub(in crate::cli) format: Format,

    /// Where a hex or uf2 file puts the slot in flash, in bytes from 0: a multiple of 4, and of 256 for uf2. [default: as
    /// the file that is converted]
    #[arg(long, value_name = "ADDRESS")]
    pub(in crate::cli) address: Option<FlashAddress>,

    /// The family of a uf2 file, which a bootloader compares with its own: a name as RP2040 or NRF52840, or a number with
    /// 0x. [default: as the file that is converted]
    #[arg(long, value_name = "FAMILY")]
    pub(in crate::cli) uf2_family: Option<Uf2Family>,

    /// From a certificate whose private key is on the device: the key slot that the image names.
    #[arg(long, value_name = "SLOT")]
    pub(in crate::cli) key_slot: Option<u32>,

    /// The file to write, or the directory to write files into that are called as `issue` calls them. [default: the
    /// directory of FILE]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(in crate::cli) out: Option<PathBuf>,

    #[command(flatten)]
    pub(in crate::cli) json: Json,
}
