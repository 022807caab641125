//! The mTLS MQTT session of a device.
//!
//! Two floors. The lower one is pure and `no_std`, for microcontrollers and gateways alike:
//!
//! - [`session`]: Offline → Connecting → Online, and Refused; what happened in, how long to wait out;
//! - [`backoff`]: exponential windows, full jitter.
//!
//! The upper one, behind the feature `std`, is the runtime of Linux-class gateways and the program
//! `countersign-agent`: [`gateway`] reads the same credential image a microcontroller has in flash and holds the
//! session with rumqttc and rustls; [`cli`] is its command line.
// Without `std` nothing here can name it: the build for a bare-metal target proves that.
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
#![warn(missing_docs, clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod backoff;
pub mod session;

#[cfg(feature = "std")]
pub mod cli;
#[cfg(feature = "std")]
pub mod gateway;
