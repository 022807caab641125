//! The programs under test in one file: the first argument says which one to be.
//!
//! Cargo hands tests the path of their own package's binaries only, and builds those before every run; so what a test
//! starts is never older than the test.

#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    // What remains starts with the role, which stands where a program's name does.
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    match args.first().and_then(|role| role.to_str()) {
        Some("broker") => broker_auth::cli::main(args),
        Some("provision") => provisioning::cli::main(args),
        Some("agent") => countersign_agent::cli::main(args),
        Some("sim") => firmware_sim::cli::main(args),
        _ => {
            eprintln!(
                "error: the first argument says which program to be\nhelp: broker, provision, agent or sim"
            );
            ExitCode::from(2)
        }
    }
}
