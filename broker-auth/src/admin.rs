//! The admin socket: what an operator asks of a running broker.
//!
//! A Unix socket in a directory only its owner can enter; the peer's user id is checked besides. One JSON request
//! per line, one JSON answer per line.

mod client;
mod server;

pub(crate) use client::{AskError, ask};
pub(crate) use server::{AdminContext, AdminServer};
