//! One verb, one file.

pub(super) mod broker_cert;
pub(super) mod completions;
pub(super) mod crl;
pub(super) mod export_broker;
pub(super) mod init;
pub(super) mod inspect;
pub(super) mod issue;
pub(super) mod list;
pub(super) mod revocation;
pub(super) mod service;
pub(super) mod show;
pub(super) mod sign;

use std::path::Path;

use super::failure::Failure;
use super::output;
use crate::delivery;
use crate::fleet::Fleet;
use crate::registry::Registry;

/// Opens the registry for a command that makes files, after finishing what an earlier one may have left. The caller
/// holds the lock.
fn open_for_issuing(fleet: &Fleet) -> Result<Registry, Failure> {
    let registry = Registry::open(&fleet.registry())?;
    for gone in delivery::recover(fleet, &registry)? {
        output::note(format_args!(
            "{} is gone; an earlier command was interrupted while it wrote there, and finishes once it is back",
            gone.display()
        ));
    }
    Ok(registry)
}

/// A path as JSON prints it.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
