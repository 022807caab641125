//! In front of an HTTP origin: who is let through to what, what of a request gets there, and what ends it.

#![forbid(unsafe_code)]

mod answers;
mod attacks;
mod clock;
mod configuration;
mod descriptors;
mod hanging_origin;
mod headers;
mod origins;
mod place;
mod revocation;
mod rules;
mod second_factor;

use integration_tests::program::Programs;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));
