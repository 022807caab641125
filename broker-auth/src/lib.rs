//! The broker that lets in exactly the devices that should be let in, says why it refused the others, and cuts a stolen
//! device off.
//!
//! ```text
//! config → reload → listener → transport → gate → embedded
//!             ↘ admin ↙          audit: one line per decision
//! ```
//!
//! What is proven and decided is the business of the crate `authenticator`, MQTT on the wire that of `mqtt`, and sessions
//! that of `embedded`; this crate gathers the evidence, asks for decisions, and carries them out.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)
)]

mod admin;
mod args;
mod audit;
mod broker;
pub mod cli;
mod command;
pub mod config;
mod counters;
mod descriptors;
mod evidence;
mod exit;
mod fetches;
mod gate;
mod http;
mod listener;
mod recheck;
mod reconfigure;
pub mod reload;
mod start_error;
mod threads;
pub mod transport;
