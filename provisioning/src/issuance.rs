//! Making credentials: key → certificate → verify → image → delivery with the registry, in this order, for a group of
//! devices or for one holder.

mod batch;
mod plan;
mod single;

pub use batch::{Batch, GROUP, IssuedDevice, Report};
pub use plan::{Clash, Plan, Planned};
pub use single::Workbench;

use std::path::PathBuf;

use crate::delivery::DeliveryError;
use crate::image::SlotError;
use crate::issuer::IssueError;
use crate::key::KeyPairError;
use crate::pem::PemError;
use crate::profile::ValidityError;
use crate::registry::RegistryError;

/// Why credentials were not made.
#[derive(Debug, thiserror::Error)]
pub enum IssuanceError {
    /// Something of that name, or with that key, exists already. All of it.
    #[error("{}", clashes(.0))]
    Clashes(Vec<Clash>),
    /// A certificate would outlive its issuer.
    #[error(transparent)]
    Validity(#[from] ValidityError),
    /// No key was made.
    #[error(transparent)]
    Key(#[from] KeyPairError),
    /// No certificate was made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// No image was made.
    #[error(transparent)]
    Slot(#[from] SlotError),
    /// PEM could not be written.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// A file in the way cannot be read.
    #[error("cannot read {path}: {source}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Files were not delivered.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The registry did not answer.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

fn clashes(clashes: &[Clash]) -> String {
    match clashes {
        [clash] => clash.to_string(),
        _ => {
            let lines: String = clashes.iter().map(|clash| format!("\n  {clash}")).collect();
            format!("{} conflicts{lines}", clashes.len())
        }
    }
}
