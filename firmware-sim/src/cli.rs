//! The command line of `countersign-sim`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::demo;
use crate::fleet::{self, Endpoint};

/// Exit code: usage error.
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
    /// Connect simulated devices: the agent of microcontrollers, once per image
    #[command(after_help = FLEET_HELP)]
    Fleet(FleetArgs),
}

const FLEET_HELP: &str = "Examples:
  countersign-sim fleet --images fleet/images --broker 127.0.0.1:8883
  countersign-sim fleet --images fleet/images --broker broker.example:8883 --rate 0.1 --duration 60 --json

A device says a number on devices/<id>/telemetry/count with QoS 1, RATE times a second, and answers commands.
Without --duration it goes on until Ctrl-C or SIGTERM; then the devices deliver what they have, and leave.

Exit codes: 0 every device was in session at the end and all it said was acknowledged, 1 not so, 2 usage, 3 an image \
is refused (all bad ones are named, and no device starts)";

#[derive(clap::Args)]
struct FleetArgs {
    /// A directory of .bin images as countersign-provision writes them, or one image
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// Where the broker is; by default where each image says. The name it must prove is the image's in any case
    #[arg(long, value_name = "HOST:PORT", value_parser = fleet::endpoint)]
    broker: Option<Endpoint>,
    /// Messages a second of each device; 0 for none
    #[arg(long, value_name = "R", default_value_t = 1.0, value_parser = rate)]
    rate: f64,
    /// Seconds until the devices leave
    #[arg(long, value_name = "S", value_parser = seconds)]
    duration: Option<Duration>,
    /// No more than the first N images
    #[arg(long, value_name = "N")]
    devices: Option<usize>,
    /// How many devices start a second
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    ramp: u32,
    /// Print JSON lines; the last one is the summary
    #[arg(long)]
    json: bool,
    /// Print every change of state with its reason, and every command
    #[arg(long)]
    device_log: bool,
}

impl From<FleetArgs> for fleet::Options {
    fn from(args: FleetArgs) -> Self {
        let FleetArgs { images, broker, rate, duration, devices, ramp, json, device_log } = args;
        Self { images, broker, rate, duration, devices, ramp, json, device_log }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().map_err(|error| error.to_string())?;
    if (0.0..=1000.0).contains(&rate) { Ok(rate) } else { Err("between 0 and 1000".to_owned()) }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// Runs the command line `args`, program name first.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    match Args::try_parse_from(args) {
        Ok(Args { command: Command::Demo { devices, keep } }) => demo::run(demo::Options { devices, keep }),
        Ok(Args { command: Command::Fleet(args) }) => fleet::run(&args.into()),
        Err(error) => {
            // Help and version go to stdout and are no failure; neither is a closed stdout.
            let _ = error.print();
            if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
        }
    }
}
