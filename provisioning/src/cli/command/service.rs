//! `service`

use device_identity::ServiceName;
use serde::Serialize;

use super::{open_for_issuing, shown};
use crate::authority::Authority;
use crate::cli::arguments::Service;
use crate::cli::failure::Failure;
use crate::cli::{Context, output, passphrase};
use crate::digest::Sha256;
use crate::fleet::{Duty, Fleet};
use crate::issuance::Workbench;
use crate::issuer::Issuer;
use crate::serial::SerialNumber;
use crate::timestamp::Timestamp;

#[derive(Serialize)]
struct Document {
    identity: ServiceName,
    serial: SerialNumber,
    fingerprint_sha256: Sha256,
    not_before: Timestamp,
    not_after: Timestamp,
    certificate_file: String,
    key_file: String,
}

pub(in crate::cli) fn run(arguments: Service, context: &Context) -> Result<(), Failure> {
    let passphrase = passphrase::issuing(&arguments.passphrase)?;
    let _lock = context.lock(Duty::Issuing)?;
    let mut registry = open_for_issuing(&context.fleet)?;
    let issuer = Issuer::open(&context.fleet, Authority::Service, &passphrase, context.now)?;
    let mut workbench = Workbench {
        fleet: &context.fleet,
        registry: &mut registry,
        issuer: &issuer,
        days: arguments.days,
        rng: &context.rng,
        now: context.now,
    };
    let certificate = workbench.certify_service(&arguments.name, arguments.renew)?;
    let directory = context.fleet.services();
    let document = Document {
        serial: certificate.serial(),
        fingerprint_sha256: certificate.fingerprint(),
        not_before: certificate.validity().not_before(),
        not_after: certificate.validity().not_after(),
        certificate_file: shown(&directory.join(Fleet::service_certificate(&arguments.name))),
        key_file: shown(&directory.join(Fleet::service_key(&arguments.name))),
        identity: arguments.name,
    };
    if arguments.json.wanted {
        return output::json(&document);
    }
    output::line(format_args!(
        "made {} and its key for service {}, valid until {}",
        document.certificate_file, document.identity, document.not_after
    ))
}
