//! [`IssuanceError`]: why credentials were not issued.

use std::path::PathBuf;

use super::ReservedName;
use crate::conflict::Conflict;
use crate::delivery::DeliveryError;
use crate::image::SlotError;
use crate::issuer::IssueError;
use crate::key::KeyPairError;
use crate::pem::PemError;
use crate::profile::ValidityError;
use crate::registry::RegistryError;
use crate::tally::{Counted, Tally};

/// Why credentials were not issued.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IssuanceError {
    /// Names, keys or files exist already. All of them are listed.
    #[error("{}", lines(.0, "conflicts"))]
    Conflicts(Vec<Conflict>),
    /// New devices were to have names that the fleet's own programs need. All of them are listed.
    #[error("{}", lines(.0, "names that no device gets"))]
    Reserved(Vec<ReservedName>),
    /// A certificate would outlive its issuer.
    #[error(transparent)]
    Validity(#[from] ValidityError),
    /// No key was generated.
    #[error(transparent)]
    Key(#[from] KeyPairError),
    /// No certificate was signed.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// No image was written.
    #[error(transparent)]
    Slot(#[from] SlotError),
    /// PEM could not be encoded.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// An image in the output directory cannot be read.
    #[error("cannot read {path}: {source}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The system gave no second thread.
    #[error("cannot start a thread to certify by: {0}")]
    Thread(std::io::Error),
    /// Files were not delivered.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The registry did not answer.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

fn lines<T: Counted>(all: &[T], what: &str) -> String {
    match all {
        [one] => one.to_string(),
        _ => format!("{} {what}{}", all.len(), Tally(all)),
    }
}
