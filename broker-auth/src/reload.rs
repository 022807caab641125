//! Noticing new revocation lists, server certificates, password files and key sets while the broker runs.

mod clock_step;
mod file_stamp;
mod own_certificate_log;
mod second_factors;
mod watch;
mod watched_files;

pub(crate) use second_factors::watch_second_factors;
pub use watch::watch;
