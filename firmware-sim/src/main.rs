//! The executable `countersign-sim`, which is also every program that the demo starts ([`firmware_sim::reexec`]).
#![forbid(unsafe_code)]

use std::process::ExitCode;

use firmware_sim::reexec::{self, Program};

fn main() -> ExitCode {
    let (program, args) = reexec::requested(std::env::args_os().collect());
    match program {
        Program::Provision => provisioning::cli::main(args),
        Program::Broker => broker_auth::cli::main(args),
        Program::Sim => firmware_sim::cli::main(args),
    }
}
