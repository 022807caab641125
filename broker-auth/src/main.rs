//! `countersign-broker`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    broker_auth::cli::main(std::env::args_os())
}
