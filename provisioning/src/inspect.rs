//! Reading a file for a person: a credential image, certificates, private keys, a signing request or CRLs. Private
//! keys are not shown.

mod content;
#[cfg(test)]
mod damage_tests;
mod pem_file;
mod read;

pub(crate) use content::Content;
pub(crate) use read::{InspectError, inspect};
