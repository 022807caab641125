//! The whole agent on a board made of this machine, against third-party servers: mosquitto as its broker, and OpenSSL
//! as servers that fail, one at a time, the requirements on a broker.

mod board;
mod broker_requirements;
mod mosquitto;
mod not_a_broker;
mod openssl;
mod refused;
mod session;

use std::time::Duration;

/// How long a test waits for an event, on a busy machine too; reached only when a test fails.
const EVENT_TIMEOUT: Duration = Duration::from_secs(30);
