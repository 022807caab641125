//! Noticing new revocation lists and server certificates while the broker runs.

mod clock_step;
mod file_stamp;
mod own_certificate_log;
mod watch;

pub use watch::watch;
