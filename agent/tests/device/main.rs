//! The device core against OpenSSL, against a hostile server of our own, and against hostile certificates.

mod chain;
mod forge;
mod honest;
mod hostile;
mod pki;
mod random;
mod strictness;
mod transport;
