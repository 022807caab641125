//! The whole agent on a board made of this machine, against servers that nobody here wrote: mosquitto as its broker, and
//! OpenSSL as servers that break, one at a time, what a broker owes a device.

mod board;
mod mosquitto;
mod no_broker;
mod openssl;
mod promises;
mod refused;
mod session;

use std::time::Duration;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
