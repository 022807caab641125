//! The command line of `countersign-sim`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{demo, house};

/// Exit code: the arguments make no sense.
const USAGE: u8 = 2;

#[derive(Parser)]
#[command(name = "countersign-sim", version, about = "Countersign, all of it, on this machine alone")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a fleet, connect it, cut one device off, and turn six impostors away
    #[command(after_help = "Examples:\n  countersign-sim demo\n  countersign-sim demo --keep /tmp/fleet\n\n\
        Exit codes: 0 everything happened as it should, 1 something did not, 2 usage")]
    Demo {
        /// How many devices connect
        #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(2..=50))]
        devices: u8,
        /// Make the fleet in DIR, and leave it and the broker running
        #[arg(long, value_name = "DIR")]
        keep: Option<PathBuf>,
    },
}

/// Runs the command line `args`, program name first.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(code) = house::answer(&args) {
        return code;
    }
    match Args::try_parse_from(args) {
        Ok(Args { command: Command::Demo { devices, keep } }) => demo::run(demo::Options { devices, keep }),
        Err(error) => {
            // Help and version go to stdout and are no failure; a closed stdout is nobody's either.
            let _ = error.print();
            if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
        }
    }
}
