//! What is in force, and how it is replaced while the broker runs.
//!
//! A [`RulesetStore`] holds the rules of one listener and is swapped as a whole while connections go on. [`watch`] notices
//! new revocation lists and server certificates by itself. Before trust is loaded nobody gets in.

mod crl_numbers;
mod load_error;
mod ruleset_store;
mod trust_files;
mod watch;

pub use crl_numbers::{CrlNumbers, CrlNumbersError};
pub use load_error::LoadError;
pub use ruleset_store::{ReloadReport, RulesetStore};
pub(crate) use trust_files::read_file;
pub use watch::watch;
