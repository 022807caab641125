//! What certificates, images and lists say, back into the registry.
//!
//! A file is believed because a CA of this fleet signed what is in it, and for nothing else. No file is changed, and no key
//! is used.

mod finding;
mod lost_registry;
mod reading;
mod walk;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::authority::Authority;
use crate::crl::{CrlFileFault, PublishedCrl};
use crate::fleet::Fleet;
use crate::registry::{Adoption, CarriedOver, ReadBack, Registry, RegistryError, RevocationReason};
use crate::timestamp::Timestamp;

pub(crate) use finding::{Fault, Finding};
pub(crate) use lost_registry::{
    LostRegistryError, RebuiltSettings, SettingSource, place_registry, settings_from_files, start_registry,
};
pub(crate) use reading::Authorities;

use walk::{Files, KindOfName};

/// How many files are read before what they hold is registered, in one transaction.
const GROUP: usize = 500;

/// What was read back, and what was left alone.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Reconciled {
    /// How many files were read.
    pub(crate) files: usize,
    /// How many certificates of this fleet are in them, each file's counted.
    pub(crate) certificates: usize,
    /// How many of those were registered now.
    pub(crate) adopted: usize,
    /// How many lists of this fleet were read.
    pub(crate) lists: usize,
    /// What lists held and the registry lacked.
    pub(crate) entries: Vec<CarriedOver>,
    /// What could not be read back.
    pub(crate) left: Vec<Finding>,
}

/// Reads the files of a fleet, and of further directories, back into a registry. The caller holds the lock for issuing.
pub(crate) fn certificates(
    fleet: &Fleet,
    directories: &[PathBuf],
    authorities: &Authorities,
    registry: &mut Registry,
    now: Timestamp,
) -> Result<Reconciled, RegistryError> {
    let mut reconciled = Reconciled { left: authorities.missing(), ..Reconciled::default() };
    let mut group = Vec::new();
    for entry in Files::below(own_directories(fleet).iter().chain(directories)) {
        let path = match entry {
            Ok((path, KindOfName::Image | KindOfName::Certificate)) => path,
            Ok((_, KindOfName::List)) => continue,
            Err(finding) => {
                reconciled.left.push(finding);
                continue;
            }
        };
        reconciled.files += 1;
        match authorities.certificates_in(&path) {
            Ok(found) => group.extend(found.into_iter().map(|read_back| (path.clone(), read_back))),
            Err(fault) => reconciled.left.push(Finding { path, fault }),
        }
        if group.len() >= GROUP {
            adopt(registry, std::mem::take(&mut group), &mut reconciled, now)?;
        }
    }
    adopt(registry, group, &mut reconciled, now)?;
    Ok(reconciled)
}

/// The directories of a fleet that hold certificates.
fn own_directories(fleet: &Fleet) -> [PathBuf; 3] {
    [fleet.images(), fleet.services(), fleet.broker()]
}

fn adopt(
    registry: &mut Registry,
    group: Vec<(PathBuf, ReadBack)>,
    reconciled: &mut Reconciled,
    now: Timestamp,
) -> Result<(), RegistryError> {
    let (paths, group): (Vec<_>, Vec<_>) = group.into_iter().unzip();
    for (path, adopted) in paths.into_iter().zip(registry.adopt_group(&group, now)?) {
        reconciled.certificates += 1;
        match adopted {
            Ok(Adoption::New) => reconciled.adopted += 1,
            Ok(Adoption::Known) => {}
            Err(misfit) => reconciled.left.push(Finding { path, fault: Fault::Misfit(misfit) }),
        }
    }
    Ok(())
}

/// Takes over what the published lists of a fleet hold, and those in further directories. The caller holds the lock for
/// revoking, and has read the certificates before.
pub(crate) fn lists(
    fleet: &Fleet,
    directories: &[PathBuf],
    authorities: &Authorities,
    registry: &mut Registry,
    reconciled: &mut Reconciled,
) -> Result<(), RegistryError> {
    let own = Authority::WITH_CRL.map(|authority| fleet.crl(authority));
    let named = Files::below(directories).filter_map(|entry| match entry {
        Ok((path, KindOfName::List)) => Some(path),
        // What is no list was told of with the certificates.
        _ => None,
    });
    let mut lists = Vec::new();
    for path in own.into_iter().chain(named) {
        match list_at(&path, authorities) {
            Ok(Some(list)) => lists.push(list),
            Ok(None) => continue,
            Err(fault) => reconciled.left.push(Finding { path, fault: Fault::List(fault) }),
        }
        reconciled.files += 1;
    }
    // The newest first. A hold that only an older list has was ended since.
    lists.sort_by_key(|(authority, list)| (*authority, std::cmp::Reverse(list.state().number)));
    let mut newest = None;
    for (authority, list) in lists {
        let mut entries = list.entries().to_vec();
        if newest == Some(authority) {
            entries.retain(|entry| entry.reason != RevocationReason::CertificateHold);
        }
        newest = Some(authority);
        reconciled.lists += 1;
        reconciled.entries.extend(registry.carry_over(authority, list.state(), &entries)?);
    }
    Ok(())
}

/// The list in a file, and whose it is.
fn list_at(
    path: &Path,
    authorities: &Authorities,
) -> Result<Option<(Authority, PublishedCrl)>, CrlFileFault> {
    let with_lists = authorities.chains().filter(|(authority, _)| Authority::WITH_CRL.contains(authority));
    for (authority, chain) in with_lists {
        match PublishedCrl::read(path, chain) {
            Ok(list) => return Ok(list.map(|list| (authority, list))),
            Err(CrlFileFault::Signature) => {}
            Err(fault) => return Err(fault),
        }
    }
    Err(CrlFileFault::Signature)
}
