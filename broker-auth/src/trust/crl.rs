//! Revocation lists: read, verified once, and indexed.

mod index;
mod number;
mod number_file;
mod set;
mod signed;

pub use number::CrlNumber;
pub use number_file::{CrlNumbers, CrlNumbersError};
pub(super) use set::{CrlSet, Refused, files_of};
pub use signed::CrlFault;
