//! New files, noticed by looking. Nothing here waits: who looks, and how often, is the caller's business.

mod clock_step;
mod factors_watch;
mod file_stamp;
mod happened;
mod rules_watch;
mod watched_files;

pub use factors_watch::FactorsWatch;
pub use happened::Happened;
pub use rules_watch::RulesWatch;
pub use watched_files::{WATCH_INTERVAL, WatchedFiles};
