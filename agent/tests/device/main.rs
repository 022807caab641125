//! The device core against OpenSSL, against a hostile server of our own, and against hostile certificates; the whole
//! agent in a simulation in virtual time, and against real servers.

mod cancellation;
mod certification_request;
mod chain;
mod change;
mod credentials;
mod differential;
mod hostile;
mod issued;
mod openssl;
mod real_servers;
mod replay;
mod simulation;
mod sizes;
mod strictness;
mod time_floor;
mod transport;
mod wording;

use adversary::{forge, pki, random};
