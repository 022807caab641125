//! Second factors: passwords and tokens beside a proven certificate, from the configuration to the end of a session.

#![forbid(unsafe_code)]

mod clock;
mod configuration;
mod fetched_keys;
mod key_rotation;
mod live_sessions;
mod matrix;
mod order;
mod passwd;
mod password_turns;
mod place;
mod token_names;

use integration_tests::program::Programs;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));
