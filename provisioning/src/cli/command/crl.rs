//! `crl`

use std::fmt;

use serde::Serialize;

use super::displayed;
use super::list_file::ListFile;
use super::takeover::{warn_of_all, warn_of_files};
use crate::authority::Authority;
use crate::cli::arguments::{Crl, Publication};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::{output, passphrase};
use crate::crl::{self, SignedCrl, Takeover};
use crate::fleet::{LockKind, Replacement};
use crate::issuer::Issuer;
use crate::registry::Registry;
use crate::timestamp::Timestamp;

/// A published CRL, as JSON and as text.
#[derive(Clone, Serialize)]
pub(super) struct CrlDocument {
    authority: Authority,
    file: String,
    crl_number: u64,
    entries: usize,
    this_update: Timestamp,
    next_update: Timestamp,
}

impl fmt::Display for CrlDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, crl_number, entries, next_update, .. } = self;
        write!(f, "published {file}: number {crl_number}, {entries} certificate(s), until {next_update}")
    }
}

pub(in crate::cli) fn run(arguments: Crl, context: &Context) -> Result<(), Failure> {
    let file = arguments.out.map(ListFile::at).transpose()?;
    let lock = context.lock(LockKind::Revoking)?;
    let mut registry = Registry::open(&context.fleet.registry())?;
    let issuers = open_issuers(Authority::WITH_CRL, &arguments.publication, context)?;
    let found = take_over_all(&mut registry, &issuers, context)?;
    let crls = publish_all(&mut registry, &issuers, arguments.publication.crl_days, context);
    // Whoever reads a pipe that is named as the output may take his time, and no revocation waits for that.
    drop(lock);
    if crls.is_err() {
        warn_of_all(found);
        return crls.map(drop);
    }
    let carried = warn_of_files(found);
    let printed = crls.and_then(|crls| print(&crls, file.as_ref(), arguments.publication.json.requested));
    if carried.is_empty() { printed } else { Err(Failure::registry_lacked(&carried)) }
}

/// Writes the lists to `file`, and prints what they are.
fn print(crls: &[(CrlDocument, SignedCrl)], file: Option<&ListFile>, as_json: bool) -> Result<(), Failure> {
    if let Some(file) = file {
        let all: String = crls.iter().map(|(_, crl)| crl.pem.as_str()).collect();
        file.write(&all)?;
        if file.is_output() {
            crls.iter().for_each(|(document, _)| output::note(document));
            return Ok(());
        }
    }
    let documents: Vec<_> = crls.iter().map(|(document, _)| document).collect();
    if as_json { output::json(&documents) } else { documents.into_iter().try_for_each(output::line) }
}

/// Compares the published lists of these authorities with the registry. The caller holds [`LockKind::Revoking`].
pub(super) fn take_over_all(
    registry: &mut Registry,
    issuers: &[(Authority, Issuer)],
    context: &Context,
) -> Result<Vec<Takeover>, Failure> {
    let take_over = |(authority, issuer): &(Authority, Issuer)| {
        Ok(crl::take_over(&context.fleet, registry, *authority, issuer.chain())?)
    };
    issuers.iter().map(take_over).collect()
}

/// Opens the issuing CAs of these authorities.
pub(super) fn open_issuers(
    authorities: impl IntoIterator<Item = Authority>,
    publication: &Publication,
    context: &Context,
) -> Result<Vec<(Authority, Issuer)>, Failure> {
    let passphrase = passphrase::issuing(&publication.passphrase)?;
    let open = |authority| {
        Ok((authority, Issuer::open_for_revoking(&context.fleet, authority, &passphrase, context.now)?))
    };
    let issuers = authorities.into_iter().map(open).collect::<Result<Vec<_>, Failure>>()?;
    // Said once: all of these keys are encrypted with one passphrase.
    let read_otherwise = issuers.iter().map(|(_, issuer)| issuer.passphrase_reading());
    if let Some(reading) = read_otherwise.max() {
        passphrase::note_reading(reading, &publication.passphrase);
    }
    Ok(issuers)
}

/// Publishes the CRLs of these authorities. The caller holds [`LockKind::Revoking`].
pub(super) fn publish_all(
    registry: &mut Registry,
    issuers: &[(Authority, Issuer)],
    crl_days: Option<u32>,
    context: &Context,
) -> Result<Vec<(CrlDocument, SignedCrl)>, Failure> {
    let days = match crl_days {
        Some(days) => days,
        None => registry.settings()?.crl_days,
    };
    let mut published = Vec::new();
    for (authority, issuer) in issuers {
        let (crl, replacement) =
            crl::publish(&context.fleet, registry, issuer, *authority, days, context.now)?;
        let path = context.fleet.crl(*authority);
        if replacement == Replacement::InPlace && path.is_file() {
            output::rewritten(&path);
        }
        let document = CrlDocument {
            authority: *authority,
            file: displayed(&path),
            crl_number: crl.state.number,
            entries: crl.entries,
            this_update: crl.state.this_update,
            next_update: crl.state.next_update,
        };
        published.push((document, crl));
    }
    Ok(published)
}
