//! What `issue --replace` and `sign --replace` have in common: the end of the certificates before, and the CRL.

use std::path::Path;

use device_identity::DeviceId;
use serde::Serialize;

use super::crl::{CrlDocument, publish_all, take_over_all};
use super::revocation::print_outcome;
use super::takeover::warn_of_all;
use super::{IssuingSession, displayed};
use crate::authority::Authority;
use crate::cli::arguments;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::conflict::Conflict;
use crate::crl::Takeover;
use crate::fleet::{Lock, LockKind};
use crate::issuance::{IssuanceError, outdated_files};
use crate::issuer::Issuer;
use crate::registry::{ChangeOutcome, Ending, IdentityKind, Registry};
use crate::serial::SerialNumber;
use crate::timestamp::Timestamp;

/// A replacement that may begin: the device is registered, and its CRL can be published.
pub(super) struct Replacing<'a> {
    context: &'a Context,
    device_id: &'a DeviceId,
    pub(super) ending: Ending,
    issuer: [(Authority, Issuer); 1],
    found: Vec<Takeover>,
    _lock: Lock,
}

/// What JSON documents say about a replacement besides what was issued.
#[derive(Default, Serialize)]
pub(super) struct ReplacementDocument {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    replaced: Vec<ChangeOutcome>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    crls: Vec<CrlDocument>,
    /// Files that hold a replaced image or key still.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    outdated_files: Vec<String>,
}

/// The lists that were published, or why none was.
pub(super) type Published = Result<Vec<CrlDocument>, Failure>;

/// How the certificates before end, if these arguments ask for a replacement.
pub(super) fn requested_ending(
    arguments: &arguments::Replacement,
    now: Timestamp,
) -> Result<Option<Ending>, Failure> {
    let Some(reason) = arguments.reason.filter(|_| arguments.replace) else { return Ok(None) };
    Ok(Some(match arguments.overlap {
        Some(days) => Ending::after(reason, days, now)?,
        None => Ending::at_once(reason, now),
    }))
}

impl<'a> Replacing<'a> {
    /// Acquires the second lock, after that of the session, and compares the published list with the registry.
    pub(super) fn begin(
        session: &mut IssuingSession<'a>,
        device_id: &'a DeviceId,
        ending: Ending,
    ) -> Result<Self, Failure> {
        let context = session.context;
        match session.registry.kind_of(device_id.as_str())? {
            Some(IdentityKind::Device) => {}
            Some(IdentityKind::Service) => {
                let conflict = Conflict::NameOfService { name: device_id.to_string() };
                return Err(IssuanceError::Conflicts(vec![conflict]).into());
            }
            None => return Err(Failure::unknown(device_id.as_str())),
        }
        let lock = context.lock(LockKind::Revoking)?;
        let issuer = [(Authority::Device, session.issuer(Authority::Device)?)];
        let found = take_over_all(&mut session.registry, &issuer, context)?;
        Ok(Self { context, device_id, ending, issuer, found, _lock: lock })
    }

    /// The issuing CA of devices.
    pub(super) fn issuer(&self) -> &Issuer {
        let [(_, issuer)] = &self.issuer;
        issuer
    }

    /// Publishes the CRL.
    pub(super) fn publish(&self, registry: &mut Registry) -> Published {
        let crls = publish_all(registry, &self.issuer, None, self.context)?;
        Ok(crls.into_iter().map(|(document, _)| document).collect())
    }

    /// Finishes a replacement that was interrupted: the files were delivered when the session was opened.
    pub(super) fn finish(
        &self,
        registry: &mut Registry,
        newest: SerialNumber,
    ) -> Result<(Vec<ChangeOutcome>, Published), Failure> {
        let ended = registry.end_replaced(self.device_id.as_str(), newest, self.ending, self.context.now)?;
        Ok((ended, self.publish(registry)))
    }

    /// Looks for files that nobody should use any more, and warns of what was found beside the list.
    pub(super) fn conclude(
        self,
        registry: &Registry,
        newest: SerialNumber,
        (ended, published): (Vec<ChangeOutcome>, Published),
        directory: &Path,
    ) -> Result<(ReplacementDocument, Option<Failure>), Failure> {
        let images = self.context.fleet.images();
        let outdated =
            outdated_files(registry, self.device_id, [directory, &images], newest, self.context.now)?;
        for path in &outdated {
            output::warning(format_args!(
                "{} holds what was replaced; remove it before somebody flashes it",
                path.display()
            ));
        }
        warn_of_all(self.found);
        let (crls, unpublished) = match published {
            Ok(crls) => (crls, None),
            Err(failure) => (Vec::new(), Some(failure.after_replacement(self.device_id))),
        };
        let outdated_files = outdated.iter().map(|path| displayed(path)).collect();
        Ok((ReplacementDocument { replaced: ended, crls, outdated_files }, unpublished))
    }
}

impl ReplacementDocument {
    /// Prints it as text.
    pub(super) fn print(&self) -> Result<(), Failure> {
        self.replaced.iter().try_for_each(|outcome| print_outcome(outcome, false))?;
        self.crls.iter().try_for_each(output::line)
    }
}
