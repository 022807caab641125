//! [`Issue`]: the arguments of `issue`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, ValueHint};
use device_identity::DeviceId;

use super::clock::ClockConsent;
use super::json::Json;
use super::numbers::days;
use super::passphrase::Passphrase;
use super::replacement::Replacement;
use crate::image::{FlashAddress, Format, Uf2Family};
use crate::profile::DEVICE_DAYS;

/// Make keys, certificates and images for devices.
///
/// An order is CSV with a header: device_id (required), product, serial_number, work_order, csr (the path of a signing
/// request, a file in the folder of the order or below); further columns are kept as metadata. An order with a bad line is
/// refused as a whole. One that was interrupted is simply run again. Files of devices made earlier are compared with the
/// order by their content: missing ones are made again where the key is to be had, and none is replaced.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign-provision issue pump-0001 pump-0002
  countersign-provision issue --order monday.csv --format bin,hex --address 0x0807F000
  countersign-provision issue pump-0001 --replace --reason superseded")]
pub(in crate::cli) struct Issue {
    /// The devices to make.
    #[arg(value_name = "DEVICE_ID", required_unless_present = "order", conflicts_with = "order")]
    pub(in crate::cli) device_ids: Vec<DeviceId>,

    /// An order file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "replace")]
    pub(in crate::cli) order: Option<PathBuf>,

    /// Where the signing requests are that the order names. [default: the folder of the order]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, requires = "order")]
    pub(in crate::cli) csr_dir: Option<PathBuf>,

    /// What to write: bin (one 4096-byte flash slot), hex, uf2, pem (certificate and key).
    #[arg(long, value_name = "FORMATS", value_delimiter = ',', default_value = "bin")]
    #[arg(value_parser = PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(|name| name.parse::<Format>()))]
    pub(in crate::cli) format: Vec<Format>,

    /// How long the certificates live, in days.
    #[arg(long, value_name = "DAYS", default_value_t = DEVICE_DAYS, value_parser = days())]
    pub(in crate::cli) days: u32,

    /// Where the files go. [default: images/ in the fleet]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(in crate::cli) out: Option<PathBuf>,

    /// Where hex and uf2 files put the slot in flash, in bytes from 0. Without it they start at 0, to be moved by the
    /// flashing tool. A multiple of 4, and of 256 for uf2.
    #[arg(long, value_name = "ADDRESS")]
    pub(in crate::cli) address: Option<FlashAddress>,

    /// The family of uf2 files, which a bootloader compares with its own: a name as RP2040 or NRF52840, or a number with
    /// 0x.
    #[arg(long, value_name = "FAMILY")]
    pub(in crate::cli) uf2_family: Option<Uf2Family>,

    /// For devices with a signing request: the key slot their image names.
    #[arg(long, value_name = "SLOT", default_value_t = 0)]
    pub(in crate::cli) key_slot: u32,

    /// Missing files of devices made earlier were taken elsewhere on purpose, and are no failure.
    #[arg(long)]
    pub(in crate::cli) keys_delivered: bool,

    /// Let several boards of one product have the same serial number.
    #[arg(long, requires = "order")]
    pub(in crate::cli) shared_serial: bool,

    #[command(flatten)]
    pub(in crate::cli) replacement: Replacement,

    #[command(flatten)]
    pub(in crate::cli) passphrase: Passphrase,

    #[command(flatten)]
    pub(in crate::cli) clock: ClockConsent,

    #[command(flatten)]
    pub(in crate::cli) json: Json,
}
