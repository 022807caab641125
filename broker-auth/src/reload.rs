//! Noticing new revocation lists and server certificates while the broker runs.

mod clock_step;
mod file_stamp;
mod watch;

pub use watch::watch;
