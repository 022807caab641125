//! What users of other brokers and proxies have complained of, played against this one. `tests/complaints.md` says which
//! test answers which complaint.

#![forbid(unsafe_code)]

mod ca_answers;
mod connect_floods;
mod documentation;
mod identities;
mod list_forms;
mod list_sources;
mod listeners;
mod lists;
mod live_sessions;
mod pins;
mod refusals;
mod reloads;
mod second_factors;
mod stale_lists;
mod table;
mod visit;

use integration_tests::program::Programs;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));
