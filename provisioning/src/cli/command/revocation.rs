//! `revoke`, `suspend`, `resume`: a change of status in the registry, then the CRL.

use serde::Serialize;

use super::adoption::adopt;
use super::crl::{CrlDocument, open_issuers, publish_all, take_over_all};
use super::recall;
use super::takeover::warn_of_all;
use crate::authority::Authority;
use crate::cli::arguments::{Consent, Publication, Resume, Revoke, Suspend, Targets};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::fleet::LockKind;
use crate::registry::{ChangeOutcome, Registry, RevocationTarget, StatusChange};

#[derive(Serialize)]
struct Document {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    certificates: Vec<ChangeOutcome>,
    crls: Vec<CrlDocument>,
}

pub(in crate::cli) fn revoke(arguments: Revoke, context: &Context) -> Result<(), Failure> {
    run(
        arguments.targets,
        StatusChange::Revoke(arguments.reason),
        &arguments.consent,
        &arguments.publication,
        context,
    )
}

pub(in crate::cli) fn suspend(arguments: Suspend, context: &Context) -> Result<(), Failure> {
    run(arguments.targets, StatusChange::Suspend, &arguments.consent, &arguments.publication, context)
}

pub(in crate::cli) fn resume(arguments: Resume, context: &Context) -> Result<(), Failure> {
    run(arguments.targets, StatusChange::Resume, &arguments.consent, &arguments.publication, context)
}

fn run(
    targets: Targets,
    change: StatusChange,
    consent: &Consent,
    publication: &Publication,
    context: &Context,
) -> Result<(), Failure> {
    let names = targets.names.into_iter().map(|name| RevocationTarget::Identity(name.to_string()));
    let one = targets.serial.map(RevocationTarget::Serial);
    let batch = targets.batch;
    let mut selected: Vec<_> =
        names.chain(one).chain(batch.clone().map(RevocationTarget::WorkOrder)).collect();
    if batch.is_some() || consent.dry_run {
        // Before the lock, which a person who thinks about the answer would hold against everybody else's revocation.
        let mut registry = Registry::open(&context.fleet.registry())?;
        let preview = registry.preview_change(&selected, change, context.now);
        let preview = match &batch {
            Some(work_order) => {
                let preview = preview.map_err(|error| recall::refused(work_order, error, &registry))?;
                recall::confirm(work_order, change, &preview, &registry, consent)?;
                preview
            }
            None => preview?,
        };
        if consent.dry_run {
            return print(preview, &[], consent, publication);
        }
    }
    let lock = context.lock(LockKind::Revoking)?;
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
    let changed = registry.change_status(&targets, change, context.now).map_err(Failure::from);
    // Published even if nothing changed: an earlier command may have been stopped between the registry and the CRL.
    let done = changed.and_then(|certificates| {
        Ok((certificates, publish_all(&mut registry, &issuers, publication.crl_days, context)?))
    });
    // Whoever reads the output may take his time, and no other revocation waits for that.
    drop(lock);
    warn_of_all(found);
    let (certificates, crls) = done?;
    let crls: Vec<_> = crls.into_iter().map(|(document, _)| document).collect();
    print(certificates, &crls, consent, publication)
}

fn print(
    certificates: Vec<ChangeOutcome>,
    crls: &[CrlDocument],
    consent: &Consent,
    publication: &Publication,
) -> Result<(), Failure> {
    let document = Document { dry_run: consent.dry_run, certificates, crls: crls.to_vec() };
    if publication.json.requested {
        return output::json(&document);
    }
    document.certificates.iter().try_for_each(|outcome| print_outcome(outcome, consent.dry_run))?;
    for crl in &document.crls {
        output::line(crl)?;
    }
    if consent.dry_run {
        output::note("nothing was changed");
    }
    Ok(())
}

/// Prints what became of a certificate, or would.
pub(super) fn print_outcome(outcome: &ChangeOutcome, dry_run: bool) -> Result<(), Failure> {
    let certificate = &outcome.certificate;
    output::line(format_args!(
        "{} {} {}{}{}",
        certificate.identity.as_deref().unwrap_or_default(),
        certificate.serial,
        if dry_run && outcome.changed { "would be " } else { "" },
        certificate.status,
        if outcome.changed { "" } else { " (as before)" },
    ))
}
