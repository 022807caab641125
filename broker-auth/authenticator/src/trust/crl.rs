//! Revocation lists: read, verified once, and indexed.

mod index;
mod lost;
mod newest;
mod number;
mod set;
mod signed;
mod unverified;

pub(super) use lost::LostRevocations;
pub use newest::NewestCrl;
pub use number::{CrlNumber, NotACrlNumber};
pub(super) use set::{CrlSet, RefusedFile, Replacement};
pub use signed::{CrlFault, SignedCrl};
pub use unverified::unverified_next_update;
