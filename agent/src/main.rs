//! The program `countersign-agent`; everything it does is in [`countersign_agent::cli`].
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    countersign_agent::cli::main(std::env::args_os())
}
