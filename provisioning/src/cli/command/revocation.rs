//! `revoke`, `suspend`, `resume`: a change of status in the registry, then the CRL.

use serde::Serialize;

use super::adoption::adopt;
use super::crl::{CrlDocument, open_issuers, publish_all, take_over_all, warn_of_files};
use crate::authority::Authority;
use crate::cli::arguments::{Publication, Resume, Revoke, Suspend, Targets};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::fleet::LockKind;
use crate::registry::{ChangeOutcome, Registry, RevocationTarget, StatusChange};

#[derive(Serialize)]
struct Document {
    certificates: Vec<ChangeOutcome>,
    crls: Vec<CrlDocument>,
}

pub(in crate::cli) fn revoke(arguments: Revoke, context: &Context) -> Result<(), Failure> {
    run(arguments.targets, StatusChange::Revoke(arguments.reason), &arguments.publication, context)
}

pub(in crate::cli) fn suspend(arguments: Suspend, context: &Context) -> Result<(), Failure> {
    run(arguments.targets, StatusChange::Suspend, &arguments.publication, context)
}

pub(in crate::cli) fn resume(arguments: Resume, context: &Context) -> Result<(), Failure> {
    run(arguments.targets, StatusChange::Resume, &arguments.publication, context)
}

fn run(
    targets: Targets,
    change: StatusChange,
    publication: &Publication,
    context: &Context,
) -> Result<(), Failure> {
    let names = targets.names.into_iter().map(|name| RevocationTarget::Identity(name.to_string()));
    let one = targets.serial.map(RevocationTarget::Serial);
    let batch = targets.batch.map(RevocationTarget::WorkOrder);
    let mut selected: Vec<_> = names.chain(one).chain(batch).collect();
    let _lock = context.lock(LockKind::Revoking)?;
    let mut registry = Registry::open(&context.fleet.registry())?;
    if let Some(path) = &targets.cert {
        selected.push(RevocationTarget::Serial(adopt(&mut registry, path, context)?));
    }
    let targets = selected;
    // The CAs are opened before the change, so that no certificate counts as revoked while its CRL cannot be signed.
    let mut authorities = registry.authorities_of(&targets, context.now)?;
    authorities.retain(|authority| Authority::WITH_CRL.contains(authority));
    let issuers = open_issuers(authorities, publication, context)?;
    // Before the change: a list may know of a suspension that is to be ended, and a registry from a backup not.
    let found = take_over_all(&mut registry, &issuers, context)?;
    let certificates = registry.change_status(&targets, change, context.now)?;
    // Published even if nothing changed: an earlier command may have been stopped between the registry and the CRL.
    let crls = publish_all(&mut registry, &issuers, publication, context)?;

    let document =
        Document { certificates, crls: crls.iter().map(|(document, _)| document.clone()).collect() };
    if publication.json.requested {
        output::json(&document)?;
    } else {
        print(&document)?;
    }
    warn_of_files(&found);
    let carried: Vec<_> = found.into_iter().flat_map(|found| found.carried).collect();
    if !carried.is_empty() {
        output::warning(Failure::registry_lacked(&carried));
    }
    Ok(())
}

fn print(document: &Document) -> Result<(), Failure> {
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
