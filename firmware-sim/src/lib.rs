//! The whole product on one machine.
//!
//! - [`cli`]: the command line of `countersign-sim`;
//! - [`demo`]: a fleet from the factory to the refused device, as separate processes on loopback;
//! - [`fleet`]: simulated devices in any number;
//! - [`reexec`]: re-execution of this executable as the other commands.
#![forbid(unsafe_code)]
#![warn(missing_docs, clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod cli;
pub mod demo;
pub mod fleet;
pub mod reexec;
