//! The plugin in a real mosquitto: who gets in, who is kicked, and that whatever goes wrong lets nobody in.

#![forbid(unsafe_code)]

mod admin_socket;
mod admission;
mod attacks;
mod broker_beside;
mod events;
mod large_site;
mod library;
mod memory;
mod operate;
mod others;
mod panics;
mod readme;
mod reload;
mod revoked_at_once;
mod second_factor;
mod site;
mod skipped;
mod topics;
mod unproven;
mod valgrind;
mod wills;
