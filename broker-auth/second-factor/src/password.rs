//! Password files: which identity has which password, as Argon2id hashes.
//!
//! A [`PasswordFile`] has an [`Entry`] for each identity; [`Entry::verify`] makes a [`PasswordProof`]. [`set`] and
//! [`remove`] edit its text; an [`Argon2Hash`] is one password at rest.

mod cost;
mod edit;
mod file;
mod hash;
mod qualified_name;

pub use cost::{Cost, CostFault};
pub use edit::{remove, set};
pub use file::{Entry, EntryDigest, PasswordFile, PasswordFileError, PasswordProof, Weakness, WrongPassword};
pub use hash::{Argon2Hash, HashFault, UnusablePassword};
pub use qualified_name::{QualifiedName, QualifiedNameError};
