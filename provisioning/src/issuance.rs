//! Issuing credentials: key → certificate → verify → image → delivery with the registry, in this order, for the devices
//! of an order ([`Batch`]) or for one subject ([`SingleIssuer`]). Both certify through [`certify::Certifier`], check
//! for conflicts through [`plan`], and write files through [`deliver_into`](crate::delivery::deliver_into).

mod batch;
mod boards;
mod certify;
mod error;
mod plan;
mod replaced_files;
mod replacement;
mod reserved_name;
mod single;
mod standing;
mod summary;

pub(crate) use batch::{Batch, BatchReport, GROUP_SIZE, IssuedDevice};
pub(crate) use certify::Certifier;
pub(crate) use error::IssuanceError;
pub(crate) use plan::{Plan, RegisteredOrder};
pub(crate) use replacement::outdated_files;
pub(crate) use reserved_name::ReservedName;
pub(crate) use single::SingleIssuer;
pub(crate) use standing::Inspection;
pub(crate) use summary::CertificateSummary;
