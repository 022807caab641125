//! `cert`

use crate::cli::arguments::Cert;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::image::chain_pem;
use crate::issuance::IssuanceError;
use crate::issuer::read_chain;
use crate::registry::{Found, Registry, RegistryError, Status};

pub(in crate::cli) fn run(arguments: Cert, context: &Context) -> Result<(), Failure> {
    let registry = Registry::open(&context.fleet.registry())?;
    let name = arguments.name.as_str();
    let certificate = match registry.find(name, context.now)? {
        Found::Certificate(certificate) => *certificate,
        Found::Identity(identity) => {
            let newest = registry.certificates_of(&identity, context.now)?.into_iter().next();
            newest.ok_or_else(|| Failure::unknown(name))?
        }
        Found::Boards(devices) => return Err(Failure::several_boards(name, &devices)),
        Found::Nothing => return Err(Failure::unknown(name)),
    };
    let der = registry.certificate_der(&certificate.serial)?.ok_or_else(|| RegistryError::Damaged {
        what: format!("the certificate {} is gone", certificate.serial),
    })?;
    let chain = read_chain(&context.fleet, certificate.authority, context.now)?;
    if certificate.status != Status::Active {
        output::note(format_args!("certificate {} is {}", certificate.serial, certificate.status));
    }
    output::text(&chain_pem(&der, chain.issuing()).map_err(IssuanceError::from)?)
}
