//! Revocation lists: read, verified once, and indexed.

mod index;
mod number;
mod set;
mod signed;

pub use number::{CrlNumber, NotACrlNumber};
pub(super) use set::{CrlSet, RefusedFile};
pub use signed::{CrlFault, SignedCrl};
