//! `revoke`, `suspend`, `resume`: one change to the registry, then the CRL.

use serde::Serialize;

use super::crl::{CrlDocument, open_issuers, publish_all};
use crate::authority::Authority;
use crate::cli::arguments::{Publication, Resume, Revoke, Suspend, Targets};
use crate::cli::failure::Failure;
use crate::cli::{Context, output};
use crate::fleet::Duty;
use crate::registry::{Change, Outcome, Registry, Target};

#[derive(Serialize)]
struct Document {
    certificates: Vec<Outcome>,
    crls: Vec<CrlDocument>,
}

pub(in crate::cli) fn revoke(arguments: Revoke, context: &Context) -> Result<(), Failure> {
    run(arguments.targets, Change::Revoke(arguments.reason), &arguments.publication, context)
}

pub(in crate::cli) fn suspend(arguments: Suspend, context: &Context) -> Result<(), Failure> {
    run(arguments.targets, Change::Suspend, &arguments.publication, context)
}

pub(in crate::cli) fn resume(arguments: Resume, context: &Context) -> Result<(), Failure> {
    run(arguments.targets, Change::Resume, &arguments.publication, context)
}

fn run(
    targets: Targets,
    change: Change,
    publication: &Publication,
    context: &Context,
) -> Result<(), Failure> {
    let names = targets.names.into_iter().map(|name| Target::Identity(name.to_string()));
    let one = targets.serial.map(Target::Serial);
    let batch = targets.batch.map(Target::WorkOrder);
    let targets: Vec<_> = names.chain(one).chain(batch).collect();
    let _lock = context.lock(Duty::Revoking)?;
    let mut registry = Registry::open(&context.fleet.registry())?;
    // Before anything is changed: a revocation that cannot be published must not look like one.
    let mut authorities = registry.authorities_of(&targets, context.now)?;
    authorities.retain(|authority| Authority::WITH_CRL.contains(authority));
    let issuers = open_issuers(authorities, publication, context)?;
    let certificates = registry.change(&targets, change, context.now)?;
    // Also when nothing changed: an earlier command may have been stopped between the registry and the CRL.
    let crls = publish_all(&registry, &issuers, publication, context)?;

    let document =
        Document { certificates, crls: crls.iter().map(|(document, _)| document.clone()).collect() };
    if publication.json.wanted {
        return output::json(&document);
    }
    for outcome in &document.certificates {
        output::line(format_args!(
            "{} {} {}{}",
            outcome.certificate.identity.as_deref().unwrap_or_default(),
            outcome.certificate.serial,
            outcome.certificate.status,
            if outcome.changed { "" } else { " (as before)" },
        ))?;
    }
    for crl in &document.crls {
        output::line(crl)?;
    }
    Ok(())
}
