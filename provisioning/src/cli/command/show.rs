//! `show`

use serde::Serialize;

use crate::cli::arguments::Show;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::registry::{CertificateRecord, DeviceRecord, Registry};

#[derive(Serialize)]
struct Document {
    identity: String,
    #[serde(flatten)]
    device: Option<DeviceRecord>,
    certificates: Vec<CertificateRecord>,
}

pub(in crate::cli) fn run(arguments: Show, context: &Context) -> Result<(), Failure> {
    let registry = Registry::open(&context.fleet.registry())?;
    let name = arguments.name.as_str();
    let certificates = registry.certificates_of(name, context.now)?;
    let device = registry.device(name)?;
    if device.is_none() && certificates.is_empty() {
        return Err(Failure::unknown(name));
    }
    let document = Document { identity: name.to_owned(), device, certificates };
    if arguments.json.requested {
        return output::json(&document);
    }
    match &document.device {
        None => output::line(format_args!("service        {name}"))?,
        Some(device) => {
            output::line(format_args!("device         {name}"))?;
            output::line(format_args!("board state    {}", device.board_state))?;
            output::line(format_args!("registered     {}", device.created_at))?;
            let details = &device.details;
            for (label, value) in [
                ("product", &details.product),
                ("serial number", &details.serial_number),
                ("work order", &details.work_order),
            ] {
                if let Some(value) = value {
                    output::line(format_args!("{label:<14} {value}"))?;
                }
            }
            for (label, value) in &details.metadata {
                output::line(format_args!("{label:<14} {value}"))?;
            }
        }
    }
    document.certificates.iter().try_for_each(certificate)
}

fn certificate(certificate: &CertificateRecord) -> Result<(), Failure> {
    output::line(format_args!("certificate    {}", certificate.serial))?;
    let status = match (certificate.revocation_reason, certificate.revoked_at) {
        (Some(reason), Some(at)) => format!("{} since {at} ({reason})", certificate.status),
        _ => certificate.status.to_string(),
    };
    output::line(format_args!("  status       {status}"))?;
    output::line(format_args!("  valid        {} to {}", certificate.not_before, certificate.not_after))?;
    output::line(format_args!("  sha256       {}", certificate.fingerprint_sha256))?;
    output::line(format_args!("  key sha256   {}", certificate.spki_sha256))
}
