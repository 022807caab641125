//! Noticing new revocation lists, certificates, password files and key sets while the broker runs.

mod clock_step;
mod file_stamp;
mod origin_tls;
mod own_certificate_log;
mod second_factors;
mod watch;
mod watched_files;

pub(crate) use origin_tls::watch_origin_tls;
pub(crate) use second_factors::watch_second_factors;
pub use watch::watch;
