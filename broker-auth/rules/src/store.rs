//! The rules in force: what each listener decides by, loaded whole, and swapped while connections go on.
//!
//! Before trust is loaded every client is refused.

mod crl_numbers;
mod files;
mod kept_lists;
mod legacy_leaves;
mod live_evidence;
mod load_error;
mod namespaces;
mod reported_clients;
mod ruleset_store;
mod time_floor;
mod trust_files;
mod visits;
mod whole_file;

pub use crl_numbers::{CrlNumbers, CrlNumbersError};
pub(crate) use files::files_of;
pub use files::read_file;
pub use legacy_leaves::{LegacyLeafCount, LegacyLeaves};
pub use live_evidence::LiveEvidence;
pub use load_error::LoadError;
pub use namespaces::KnownNamespaces;
pub use reported_clients::{ReportedClient, ReportedClients};
pub use ruleset_store::{ReloadReport, RulesetStore, StartReport, StatusChanges};
pub use time_floor::{TimeFloor, TimeFloorError};
pub(crate) use whole_file::read_if_there;
pub use whole_file::{ForeignOwner, directory_of, replaced_file, write_whole};
