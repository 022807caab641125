//! The arguments of every command. The doc comments of this file are the help texts.

use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use device_identity::{DeviceId, ServiceName};

use crate::broker::Host;
use crate::image::Format;
use crate::organization::Organization;
use crate::profile::{BROKER_DAYS, CRL_DAYS, DEVICE_DAYS, SERVICE_DAYS};
use crate::registry::{RevocationReason, Status};
use crate::serial::SerialNumber;

/// Makes device certificates and flash images, and can prove later what was made.
#[derive(Debug, Parser)]
#[command(
    name = "countersign-provision",
    bin_name = "countersign-provision",
    version,
    after_help = "\
Example, a fleet with one device:
  export COUNTERSIGN_PASSPHRASE='correct horse battery staple'
  countersign-provision init --organization Acme --broker-host broker.acme.example
  countersign-provision issue pump-0001
  countersign-provision list"
)]
pub(super) struct Arguments {
    /// The fleet directory [env: COUNTERSIGN_FLEET] [default: ./fleet]
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) fleet: Option<PathBuf>,

    /// How long to wait while another countersign-provision writes to the fleet, in seconds.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 30)]
    pub(super) lock_timeout: u64,

    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Init(Init),
    Issue(Issue),
    Sign(Sign),
    Service(Service),
    BrokerCert(BrokerCert),
    Revoke(Revoke),
    Suspend(Suspend),
    Resume(Resume),
    Crl(Crl),
    List(List),
    Show(Show),
    Inspect(Inspect),
    ExportBroker(ExportBroker),
    Completions(Completions),
}

/// Make a new fleet: three CAs, a registry, a broker certificate, empty CRLs, broker.toml.
///
/// The root keys (*/root.key) may be moved away right after: nothing daily needs them.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign-provision init --organization Acme --broker-host broker.acme.example,10.0.0.5")]
pub(super) struct Init {
    /// Goes into every certificate as O.
    #[arg(long, value_name = "NAME")]
    pub(super) organization: Organization,

    /// DNS names and IP addresses of the broker; devices use the first.
    #[arg(long, value_name = "HOST", required = true, value_delimiter = ',')]
    pub(super) broker_host: Vec<Host>,

    /// The port of the broker.
    #[arg(long, value_name = "PORT", default_value = "8883")]
    pub(super) broker_port: NonZeroU16,

    /// How long CRLs of this fleet live, in days.
    #[arg(long, value_name = "DAYS", default_value_t = CRL_DAYS, value_parser = days())]
    pub(super) crl_days: u32,

    #[command(flatten)]
    pub(super) passphrase: Passphrase,

    /// The file of the root keys' passphrase; or COUNTERSIGN_ROOT_PASSPHRASE. By default it is the same.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) root_passphrase_file: Option<PathBuf>,

    #[command(flatten)]
    pub(super) json: Json,
}

/// Make keys, certificates and images for devices.
///
/// An order is CSV with a header: device_id (required), product, serial_number, work_order, csr (the path of a signing
/// request, relative to the order); further columns are kept as metadata. An order with a bad line is refused as a
/// whole. One that was interrupted is simply run again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign-provision issue pump-0001 pump-0002
  countersign-provision issue --order monday.csv --format bin,hex --address 0x0807F000")]
pub(super) struct Issue {
    /// The devices to make.
    #[arg(value_name = "DEVICE_ID", required_unless_present = "order", conflicts_with = "order")]
    pub(super) device_ids: Vec<DeviceId>,

    /// An order file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) order: Option<PathBuf>,

    /// What to write: bin (one 4096-byte flash slot), hex, uf2, pem (certificate and key).
    #[arg(long, value_name = "FORMATS", value_delimiter = ',', default_value = "bin")]
    #[arg(value_parser = PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(|name| name.parse::<Format>()))]
    pub(super) format: Vec<Format>,

    /// How long the certificates live, in days.
    #[arg(long, value_name = "DAYS", default_value_t = DEVICE_DAYS, value_parser = days())]
    pub(super) days: u32,

    /// Where the files go. [default: images/ in the fleet]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) out: Option<PathBuf>,

    /// Where hex and uf2 files put the slot in flash, in bytes from 0. Without it they start at 0, to be moved by the
    /// flashing tool.
    #[arg(long, value_name = "ADDRESS", value_parser = number)]
    pub(super) address: Option<u32>,

    /// The family number of uf2 files, which a bootloader compares with its own.
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    pub(super) uf2_family: Option<u32>,

    /// For devices with a signing request: the key slot their image names.
    #[arg(long, value_name = "SLOT", default_value_t = 0)]
    pub(super) key_slot: u32,

    #[command(flatten)]
    pub(super) passphrase: Passphrase,

    #[command(flatten)]
    pub(super) json: Json,
}

/// Certify a device that made its own key, from its signing request (PKCS#10).
///
/// Of the request, only the public key is taken; and its common name, as a claim, if no device id is given.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign-provision sign --csr pump-0003.csr --device-id pump-0003")]
pub(super) struct Sign {
    /// The signing request, DER or PEM.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) csr: PathBuf,

    /// The device it is for. Without it, the request's common name is believed if it is a new device id.
    #[arg(long, value_name = "ID")]
    pub(super) device_id: Option<DeviceId>,

    /// The certificate file. [default: images/<id>.cert.pem in the fleet]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) out: Option<PathBuf>,

    /// How long the certificate lives, in days.
    #[arg(long, value_name = "DAYS", default_value_t = DEVICE_DAYS, value_parser = days())]
    pub(super) days: u32,

    #[command(flatten)]
    pub(super) passphrase: Passphrase,

    #[command(flatten)]
    pub(super) json: Json,
}

/// Make a certificate and key for a back-end client.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign-provision service historian")]
pub(super) struct Service {
    /// What the service is called. Devices and services share their names.
    #[arg(value_name = "NAME")]
    pub(super) name: ServiceName,

    /// Replace the certificate and key of a service there is; the old certificate stays valid until it ends.
    #[arg(long)]
    pub(super) renew: bool,

    /// How long the certificate lives, in days.
    #[arg(long, value_name = "DAYS", default_value_t = SERVICE_DAYS, value_parser = days())]
    pub(super) days: u32,

    #[command(flatten)]
    pub(super) passphrase: Passphrase,

    #[command(flatten)]
    pub(super) json: Json,
}

/// Make a new certificate and key for the broker.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, from cron, well before the old one ends:
  countersign-provision broker-cert")]
pub(super) struct BrokerCert {
    /// Names of the broker, in place of those given to init. Devices expect the first of those.
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub(super) host: Vec<Host>,

    /// How long the certificate lives, in days.
    #[arg(long, value_name = "DAYS", default_value_t = BROKER_DAYS, value_parser = days())]
    pub(super) days: u32,

    #[command(flatten)]
    pub(super) passphrase: Passphrase,

    #[command(flatten)]
    pub(super) json: Json,
}

/// Revoke certificates for good, and publish the CRL.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign-provision revoke pump-0001 --reason keyCompromise
  countersign-provision revoke --serial 3f5a0c1d2e3f405162738495a6b7c8d9
  countersign-provision revoke --batch WO-2041 --reason cessationOfOperation")]
pub(super) struct Revoke {
    #[command(flatten)]
    pub(super) targets: Targets,

    /// Why, by the names of RFC 5280.
    #[arg(long, value_name = "REASON", default_value = RevocationReason::Unspecified.name())]
    #[arg(value_parser = PossibleValuesParser::new(RevocationReason::PERMANENT.map(RevocationReason::name)).try_map(|name| name.parse::<RevocationReason>()))]
    pub(super) reason: RevocationReason,

    #[command(flatten)]
    pub(super) publication: Publication,
}

/// Put certificates on hold, and publish the CRL.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign-provision suspend pump-0001")]
pub(super) struct Suspend {
    #[command(flatten)]
    pub(super) targets: Targets,

    #[command(flatten)]
    pub(super) publication: Publication,
}

/// Take certificates off hold, and publish the CRL.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign-provision resume pump-0001")]
pub(super) struct Resume {
    #[command(flatten)]
    pub(super) targets: Targets,

    #[command(flatten)]
    pub(super) publication: Publication,
}

/// Sign fresh CRLs now. To be run before the old ones end, once a day say.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, from cron:
  countersign-provision crl")]
pub(super) struct Crl {
    /// Also write all CRLs into this file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) out: Option<PathBuf>,

    #[command(flatten)]
    pub(super) publication: Publication,
}

/// List devices, or services, each with its newest certificate.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, what ends within thirty days:
  countersign-provision list --expiring 30")]
pub(super) struct List {
    /// Only those whose newest certificate has this status.
    #[arg(long, value_name = "STATUS")]
    #[arg(value_parser = PossibleValuesParser::new(Status::ALL.map(Status::name)).try_map(|name| name.parse::<Status>()))]
    pub(super) status: Option<Status>,

    /// Only those whose newest certificate ends within this many days, and has not ended yet.
    #[arg(long, value_name = "DAYS")]
    pub(super) expiring: Option<u32>,

    /// List services instead of devices.
    #[arg(long)]
    pub(super) services: bool,

    #[command(flatten)]
    pub(super) json: Json,
}

/// Show a device or service with all its certificates.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign-provision show pump-0001")]
pub(super) struct Show {
    /// The device, or service.
    #[arg(value_name = "DEVICE_ID")]
    pub(super) name: DeviceId,

    #[command(flatten)]
    pub(super) json: Json,
}

/// Say what is in an image, a certificate, a signing request or a CRL.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign-provision inspect fleet/images/pump-0001.bin")]
pub(super) struct Inspect {
    /// The file.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) file: PathBuf,

    #[command(flatten)]
    pub(super) json: Json,
}

/// Copy what a broker host needs, and no key of a CA or a device.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign-provision export-broker --out broker-files
  countersign-provision export-broker --for mosquitto --out mosquitto-files --installed-in /etc/mosquitto/fleet")]
pub(super) struct ExportBroker {
    /// Where the copies go. Files of an earlier export are replaced.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) out: PathBuf,

    /// The broker; mosquitto gets a mosquitto.conf too.
    #[arg(id = "for", long, value_enum, value_name = "BROKER", default_value_t)]
    pub(super) host: ExportFor,

    /// Where the files will be on mosquitto's host [default: DIR of --out]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) installed_in: Option<PathBuf>,

    /// Where the plugin is on mosquitto's host.
    #[arg(
        long,
        value_name = "PATH",
        value_hint = ValueHint::FilePath,
        default_value = "/usr/local/lib/libcountersign_mosquitto.so"
    )]
    pub(super) plugin: PathBuf,

    #[command(flatten)]
    pub(super) json: Json,
}

/// What a broker host runs.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum ExportFor {
    /// countersign-broker
    #[default]
    Countersign,
    /// mosquitto, with the plugin countersign-mosquitto
    Mosquitto,
}

/// Print a completion script.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign-provision completions bash > /etc/bash_completion.d/countersign-provision")]
pub(super) struct Completions {
    /// The shell.
    pub(super) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(super) struct Passphrase {
    /// The file of the CA keys' passphrase; or COUNTERSIGN_PASSPHRASE; or a prompt.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Json {
    /// Print one JSON document.
    #[arg(long = "json")]
    pub(super) requested: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Targets {
    /// Devices or services: every unexpired certificate of each.
    #[arg(value_name = "DEVICE_ID")]
    pub(super) names: Vec<DeviceId>,

    /// One certificate.
    #[arg(long, value_name = "HEX")]
    pub(super) serial: Option<SerialNumber>,

    /// Every device of a work order.
    #[arg(long, value_name = "WORK_ORDER")]
    pub(super) batch: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Publication {
    /// How long the CRL lives, in days. [default: what init was told]
    #[arg(long, value_name = "DAYS", value_parser = days())]
    pub(super) crl_days: Option<u32>,

    #[command(flatten)]
    pub(super) passphrase: Passphrase,

    #[command(flatten)]
    pub(super) json: Json,
}

/// At least one day, at most a hundred years.
fn days() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=36_525)
}

/// A 32-bit number, decimal or with 0x.
fn number(text: &str) -> Result<u32, std::num::ParseIntError> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => text.parse(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn arguments_are_consistent_and_the_help_of_every_command_ends_with_an_example() {
        let command = Arguments::command();
        command.clone().debug_assert();
        for command in command.get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Example"), "{}", command.get_name());
        }
    }
}
