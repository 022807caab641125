//! Revocation lists: read, verified once, and indexed.

mod number;
mod number_file;
mod signed;

pub use number::CrlNumber;
pub use number_file::{CrlNumbers, CrlNumbersError};
pub use signed::CrlFault;
