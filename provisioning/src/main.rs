//! `countersign-provision`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    provisioning::cli::main(std::env::args_os())
}
