//! The mTLS MQTT session of a device.
//!
//! Three floors. The lowest one is pure and `no_std`, for microcontrollers and gateways alike:
//!
//! - [`session`]: Offline → Connecting → Online, and Refused; what happened in, how long to wait out;
//! - [`backoff`]: exponential windows, full jitter;
//! - [`ending`]: how connections end, and which ends are refusals;
//! - [`mqtt`]: MQTT 5 packets, read and written in place (a gateway uses its reason codes and packet identifiers);
//! - [`renewal`]: when a certificate is renewed, and which of two credentials is tried;
//! - [`command`]: what a device is asked to do; [`status`]: what is said on its status topic;
//! - `delivery`: how far a message has come, for the queue of a device and the outbox of a gateway.
//!
//! The device core, behind the feature `device`, is `no_std` too and has no allocator. Data flows one way,
//! flash → image → [`credential`] → [`tls`] → [`mqtt`] → [`device`]:
//!
//! - [`x509`]: certificates of one strict profile, read in place; [`ecdsa`]: signatures on P-256;
//! - [`credential`]: an image, checked: the device's identity, its key, the CAs of its broker;
//! - [`tls`]: mutual TLS 1.3 over any `embedded-io-async` transport, the only place that names embedded-tls;
//! - [`telemetry`]: telemetry and results of commands, until the broker has them;
//! - [`time_floor`]: the time that is certainly past, kept in flash;
//! - `flash_record`: what either of the two that keep something in flash writes;
//! - [`platform`]: the ports of a board: network, clock, randomness, flash;
//! - [`device`]: all of it together, the agent of a microcontroller.
//!
//! The uppermost, behind the feature `std`, is the runtime of Linux-class gateways and the program
//! `countersign-agent`: [`gateway`] reads the same credential image a microcontroller has in flash and holds the
//! session with rumqttc and rustls; [`cli`] is its command line.
// Without `std` or `host` nothing here can name it: the build for a bare-metal target proves that.
#![cfg_attr(not(any(feature = "std", feature = "host")), no_std)]
#![forbid(unsafe_code)]
#![warn(missing_docs, clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod backoff;
pub mod command;
pub mod ending;
pub mod mqtt;
pub mod renewal;
pub mod session;
pub mod status;

// What both runtimes keep messages by.
#[cfg(any(feature = "device", feature = "std"))]
mod delivery;

#[cfg(feature = "device")]
pub mod credential;
#[cfg(feature = "device")]
pub mod device;
#[cfg(feature = "device")]
pub mod ecdsa;
#[cfg(feature = "device")]
mod flash_record;
#[cfg(feature = "device")]
pub mod platform;
#[cfg(feature = "device")]
pub mod telemetry;
#[cfg(feature = "device")]
pub mod time_floor;
#[cfg(feature = "device")]
pub mod tls;
#[cfg(feature = "device")]
pub mod x509;

#[cfg(feature = "std")]
pub mod cli;
#[cfg(feature = "std")]
pub mod gateway;
