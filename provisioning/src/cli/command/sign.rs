//! `sign`

use std::fs;
use std::path::Path;

use serde::Serialize;

use super::{open_for_issuing, shown};
use crate::authority::Authority;
use crate::cli::arguments::Sign;
use crate::cli::failure::Failure;
use crate::cli::{Context, output, passphrase};
use crate::csr::{self, CsrError, SigningRequest};
use crate::digest::Sha256;
use crate::fleet::{Duty, directory_of};
use crate::image::certificate_name;
use crate::issuance::Workbench;
use crate::issuer::Issuer;
use crate::serial::SerialNumber;
use crate::timestamp::Timestamp;

#[derive(Serialize)]
struct Document {
    device_id: String,
    serial: SerialNumber,
    fingerprint_sha256: Sha256,
    not_before: Timestamp,
    not_after: Timestamp,
    file: String,
}

pub(in crate::cli) fn run(arguments: Sign, context: &Context) -> Result<(), Failure> {
    let request = read(&arguments.csr)?;
    let device_id = match arguments.device_id {
        Some(device_id) => device_id,
        None => request.claimed_device().map_err(|error| Failure::no_claim(&arguments.csr, &error))?,
    };
    let path = arguments.out.unwrap_or_else(|| context.fleet.images().join(certificate_name(&device_id)));
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| Failure::no_file_name(&path))?;
    let directory = directory_of(&path);
    let passphrase = passphrase::issuing(&arguments.passphrase)?;

    let _lock = context.lock(Duty::Issuing)?;
    let mut registry = open_for_issuing(&context.fleet)?;
    let issuer = Issuer::open(&context.fleet, Authority::Device, &passphrase, context.now)?;
    let mut workbench = Workbench {
        fleet: &context.fleet,
        registry: &mut registry,
        issuer: &issuer,
        days: arguments.days,
        rng: &context.rng,
        now: context.now,
    };
    let certificate = workbench.certify_request(&device_id, &request, (directory, name))?;
    let document = Document {
        device_id: device_id.to_string(),
        serial: certificate.serial(),
        fingerprint_sha256: certificate.fingerprint(),
        not_before: certificate.validity().not_before(),
        not_after: certificate.validity().not_after(),
        file: shown(&path),
    };
    if arguments.json.wanted {
        return output::json(&document);
    }
    output::line(format_args!("certified {} in {}", document.device_id, document.file))
}

fn read(path: &Path) -> Result<SigningRequest, Failure> {
    let unreadable = |error| Failure::unreadable(path, &error);
    let length = usize::try_from(fs::metadata(path).map_err(unreadable)?.len()).unwrap_or(usize::MAX);
    if length > csr::MAX_LEN {
        return Err(Failure::csr(path, &CsrError::TooLong { length }));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    SigningRequest::parse(&bytes).map_err(|error| Failure::csr(path, &error))
}
