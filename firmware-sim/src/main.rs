//! The program `countersign-sim`; everything it does is in [`firmware_sim::cli`].
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    firmware_sim::cli::main(std::env::args_os())
}
