//! Noticing new revocation lists, certificates, password files and key sets while the broker runs.

mod origin_tls;
mod own_certificate_log;
mod second_factors;
mod watch;

pub(crate) use origin_tls::watch_origin_tls;
pub(crate) use second_factors::watch_second_factors;
pub use watch::watch;
