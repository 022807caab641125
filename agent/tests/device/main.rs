//! The device core against OpenSSL, against a hostile server of our own, and against hostile certificates.

mod honest;
mod hostile;
mod pki;
mod random;
mod transport;
