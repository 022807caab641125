//! `broker-cert`

use serde::Serialize;

use super::{open_for_issuing, shown};
use crate::authority::Authority;
use crate::broker::{Host, Hosts};
use crate::cli::arguments::BrokerCert;
use crate::cli::failure::Failure;
use crate::cli::{Context, output, passphrase};
use crate::digest::Sha256;
use crate::fleet::Duty;
use crate::issuance::Workbench;
use crate::issuer::Issuer;
use crate::serial::SerialNumber;
use crate::timestamp::Timestamp;

#[derive(Serialize)]
struct Document {
    hosts: Vec<Host>,
    serial: SerialNumber,
    fingerprint_sha256: Sha256,
    not_before: Timestamp,
    not_after: Timestamp,
    certificate_file: String,
    key_file: String,
}

pub(in crate::cli) fn run(arguments: BrokerCert, context: &Context) -> Result<(), Failure> {
    let passphrase = passphrase::issuing(&arguments.passphrase)?;
    let _lock = context.lock(Duty::Issuing)?;
    let mut registry = open_for_issuing(&context.fleet)?;
    let expected = registry.settings()?.broker.hosts;
    let hosts = Hosts::new(arguments.host).unwrap_or_else(|| expected.clone());
    if !hosts.iter().any(|host| host.to_string() == expected.first()) {
        output::note(format_args!(
            "devices expect the name {}, which is not among the names of this certificate",
            expected.first()
        ));
    }
    let issuer = Issuer::open(&context.fleet, Authority::Broker, &passphrase, context.now)?;
    let mut workbench = Workbench {
        fleet: &context.fleet,
        registry: &mut registry,
        issuer: &issuer,
        days: arguments.days,
        rng: &context.rng,
        now: context.now,
    };
    let certificate = workbench.certify_broker(hosts.clone())?;
    let document = Document {
        hosts: hosts.iter().cloned().collect(),
        serial: certificate.serial(),
        fingerprint_sha256: certificate.fingerprint(),
        not_before: certificate.validity().not_before(),
        not_after: certificate.validity().not_after(),
        certificate_file: shown(&context.fleet.broker().join("cert.pem")),
        key_file: shown(&context.fleet.broker().join("key.pem")),
    };
    if arguments.json.wanted {
        return output::json(&document);
    }
    output::line(format_args!(
        "made {} and its key, valid until {}; a running broker notices by itself",
        document.certificate_file, document.not_after
    ))
}
