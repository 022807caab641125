//! What users and scripts hold on to, kept word by word: help, `explain`, `status`, the log, and where the verdicts of a
//! running broker and of `explain` differ. The snapshots are in `tests/snapshots`.
//!
//! `COUNTERSIGN_UPDATE_SNAPSHOTS=1 cargo nextest run -p integration-tests --test golden` writes them anew.

#![forbid(unsafe_code)]

mod agents;
mod answer;
mod certificates;
mod explain;
mod help;
mod log;
mod recorder;
mod status;
mod verdicts;

use integration_tests::program::Programs;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));
