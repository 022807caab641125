//! The commands, one file each; `revoke`, `suspend` and `resume` share one.

mod adoption;
pub(super) mod backup;
pub(super) mod broker_cert;
pub(super) mod ca;
pub(super) mod cert;
pub(super) mod clock;
pub(super) mod completions;
pub(super) mod convert;
pub(super) mod crl;
pub(super) mod export_broker;
pub(super) mod init;
pub(super) mod inspect;
pub(super) mod issue;
pub(super) mod lint;
pub(super) mod list;
mod list_file;
mod recall;
pub(super) mod reconcile;
mod replacement;
pub(super) mod revocation;
pub(super) mod service;
pub(super) mod show;
pub(super) mod sign;
mod takeover;

use std::path::Path;

use super::context::Context;
use super::failure::Failure;
use super::{arguments, output, passphrase};
use crate::authority::Authority;
use crate::delivery::{self, OperatingSystem, Recovery};
use crate::fleet::{Lock, LockKind};
use crate::image::Uf2Family;
use crate::issuance::{ReservedName, SingleIssuer};
use crate::issuer::Issuer;
use crate::key::Passphrase;
use crate::registry::{CertificateRecord, Registry};
use crate::serial::SerialNumber;
use crate::timestamp::TrustedNow;

/// A fleet that is locked and open for a command that issues credentials.
struct IssuingSession<'a> {
    context: &'a Context,
    source: &'a arguments::Passphrase,
    passphrase: Passphrase,
    registry: Registry,
    /// What was found of a command that was interrupted.
    recovery: Recovery,
    /// The time, compared with what was seen.
    now: TrustedNow,
    _lock: Lock,
}

impl<'a> IssuingSession<'a> {
    /// Asks for the passphrase, acquires the lock, and recovers what an interrupted command left behind.
    fn open(
        source: &'a arguments::Passphrase,
        consent: &arguments::ClockConsent,
        context: &'a Context,
    ) -> Result<Self, Failure> {
        let passphrase = passphrase::issuing(source)?;
        let lock = context.lock(LockKind::Issuing)?;
        let registry = Registry::open(&context.fleet.registry())?;
        let recovery = delivery::recover(&OperatingSystem, &context.fleet, &registry)?;
        for absent in &recovery.absent {
            output::note(format_args!(
                "{} is gone; an earlier command was interrupted while it wrote there, and finishes once it is back",
                absent.display()
            ));
        }
        for (staged, path) in &recovery.kept {
            output::note(format_args!(
                "an earlier command was interrupted before it delivered {path}, and another file has that name now; \
                 move it away, and the next command delivers {staged}",
                path = path.display(),
                staged = staged.display()
            ));
        }
        for reserved in ReservedName::registered(&registry)? {
            output::warning(format_args!("{reserved}: replace that device by one with another id"));
        }
        let now = clock::trusted_now(&registry, consent, context)?;
        Ok(Self { context, source, passphrase, registry, recovery, now, _lock: lock })
    }

    /// Whether a command that recorded these certificates, into this directory, was interrupted and is finished now: run
    /// again, it has nothing left to do. One that had ended is a conflict instead.
    fn finishes(&self, serials: &[SerialNumber], directory: &Path) -> Result<bool, Failure> {
        let latest = match directory.canonicalize() {
            Ok(directory) if self.recovery.closed.contains(&directory) => {
                self.registry.latest_serials(serials.len())?
            }
            _ => Vec::new(),
        };
        let finished = |serial| self.recovery.finished.contains(serial) || latest.contains(serial);
        Ok(!serials.is_empty() && serials.iter().all(finished))
    }

    /// The certificate of a name for which a command was interrupted that is finished now.
    fn interrupted(&self, name: &str, directory: &Path) -> Result<Option<CertificateRecord>, Failure> {
        let newest = self.registry.certificates_of(name, self.context.now)?.into_iter().next();
        match newest {
            Some(record) if self.finishes(&[record.serial], directory)? => Ok(Some(record)),
            _ => Ok(None),
        }
    }

    /// The newest certificate of a name, if a command was interrupted that had recorded it, and its last files were
    /// delivered now. (Of a name that had a certificate before, nothing else tells a command that was interrupted after
    /// its end from one that was before its beginning.)
    fn delivered_now(&self, name: &str) -> Result<Option<CertificateRecord>, Failure> {
        let newest = self.registry.certificates_of(name, self.context.now)?.into_iter().next();
        Ok(newest.filter(|record| self.recovery.finished.contains(&record.serial)))
    }

    /// Opens the issuing CA of an authority.
    fn issuer(&self, authority: Authority) -> Result<Issuer, Failure> {
        let issuer = Issuer::open(&self.context.fleet, authority, &self.passphrase, self.context.now)?;
        passphrase::note_reading(issuer.passphrase_reading(), self.source);
        Ok(issuer)
    }

    /// Issues for one subject, with certificates that live `days` days.
    fn single<'s>(&'s mut self, issuer: &'s Issuer, days: u32) -> SingleIssuer<'s> {
        let Context { fleet, rng, .. } = self.context;
        SingleIssuer {
            files: &OperatingSystem,
            fleet,
            registry: &mut self.registry,
            issuer,
            days,
            rng,
            now: self.now,
        }
    }
}

/// Says that a UF2 family is none of those with a name.
fn note_unnamed(family: &Uf2Family) {
    if family.name().is_none() {
        output::note(format_args!(
            "no UF2 family is known by the number {family}: see that the bootloader has it"
        ));
    }
}

/// A path as JSON prints it.
fn displayed(path: &Path) -> String {
    path.display().to_string()
}
