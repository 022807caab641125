//! `show`

use device_identity::Printable;
use serde::Serialize;

use crate::cli::arguments::Show;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::registry::{CertificateRecord, DeviceRecord, Found, KeyOrigin, Registry};
use crate::timestamp::Timestamp;

#[derive(Serialize)]
struct Document {
    identity: Option<String>,
    #[serde(flatten)]
    device: Option<DeviceRecord>,
    certificates: Vec<CertificateRecord>,
}

pub(in crate::cli) fn run(arguments: Show, context: &Context) -> Result<(), Failure> {
    let registry = Registry::open(&context.fleet.registry())?;
    let name = arguments.name.as_str();
    let document = match registry.find(name, context.now)? {
        Found::Identity(identity) => of_identity(&registry, identity, context)?,
        Found::Certificate(certificate) => match certificate.identity.clone() {
            Some(identity) => of_identity(&registry, identity, context)?,
            None => Document { identity: None, device: None, certificates: vec![*certificate] },
        },
        Found::Boards(devices) => return Err(Failure::several_boards(name, &devices)),
        Found::Nothing => return Err(Failure::unknown(name)),
    };
    if document.identity.as_deref() == Some(name) {
        for device in registry.boards_numbered(name)? {
            output::note(format_args!("{name} is also the serial number on the board of {device}"));
        }
    }
    if arguments.json.requested {
        return output::json(&document);
    }
    match (&document.device, &document.identity) {
        (None, None) => output::line("broker")?,
        (None, Some(name)) => output::line(format_args!("service        {name}"))?,
        (Some(device), _) => {
            output::line(format_args!("device         {}", device.device_id))?;
            output::line(format_args!("board state    {}", device.board_state))?;
            output::line(format_args!("registered     {}", device.created_at))?;
            let details = &device.details;
            for (label, value) in [
                ("product", &details.product),
                ("serial number", &details.serial_number),
                ("work order", &details.work_order),
            ] {
                if let Some(value) = value {
                    output::line(format_args!("{label:<14} {}", Printable(value)))?;
                }
            }
            for (label, value) in &details.metadata {
                output::line(format_args!("{:<14} {}", Printable(label).to_string(), Printable(value)))?;
            }
        }
    }
    document.certificates.iter().try_for_each(|record| certificate(record, context.now))
}

fn of_identity(registry: &Registry, identity: String, context: &Context) -> Result<Document, Failure> {
    Ok(Document {
        device: registry.device(&identity)?,
        certificates: registry.certificates_of(&identity, context.now)?,
        identity: Some(identity),
    })
}

fn certificate(certificate: &CertificateRecord, now: Timestamp) -> Result<(), Failure> {
    output::line(format_args!("certificate    {}", certificate.serial))?;
    let status = certificate.status;
    let status = match (certificate.revocation_reason, certificate.revoked_at, certificate.revoke_from) {
        (Some(reason), Some(at), _) => format!("{status} since {at} ({reason})"),
        (Some(reason), None, Some(from)) if from <= now => format!("{status} since {from} ({reason})"),
        (Some(reason), None, Some(from)) => format!("{status}, on the list from {from} ({reason})"),
        _ => status.to_string(),
    };
    output::line(format_args!("  status       {status}"))?;
    output::line(format_args!("  valid        {} to {}", certificate.not_before, certificate.not_after))?;
    output::line(format_args!("  sha256       {}", certificate.fingerprint_sha256))?;
    output::line(format_args!("  key sha256   {}", certificate.spki_sha256))?;
    let maker = match certificate.key_origin {
        KeyOrigin::Factory => "countersign-provision",
        KeyOrigin::Device => "the device, which sent a signing request",
        KeyOrigin::Unknown => "unknown: the certificate was read back from a file",
    };
    output::line(format_args!("  key made by  {maker}"))
}
