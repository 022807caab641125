//! Reading a file for a person: a credential image, certificates, a signing request or CRLs. Private keys are not
//! shown.

mod content;
mod read;

pub(crate) use read::{InspectError, inspect};
