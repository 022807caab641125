//! The device core against OpenSSL, against a hostile server of our own, and against hostile certificates; and the whole
//! agent in virtual time.

mod cancellation;
mod chain;
mod change;
mod credentials;
mod differential;
mod floor;
mod honest;
mod hostile;
mod owes;
mod replay;
mod sizes;
mod strictness;
mod transport;
mod wording;
mod world;

use adversary::{forge, pki, random};
