//! Packets by the million at a broker that must not notice, and a table of what came of them.
//!
//! ```text
//! cargo bench -p integration-tests --bench torture -- --packets 1000000
//! cargo bench -p integration-tests --bench torture -- --packets 1000000 --seed 7 --json
//! ```

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser;
use integration_tests::program::Programs;
use integration_tests::torture::{Plan, Progress, run};

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// Sends legal and illegal packets to a broker, beside clients that must not notice
#[derive(Parser)]
struct Arguments {
    /// How many packets to send, by all clients together
    #[arg(long, default_value_t = 1_000_000)]
    packets: u64,
    /// What chance starts from; another one each time, if it is not given
    #[arg(long)]
    seed: Option<u64>,
    /// How many clients
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=16))]
    clients: u8,
    /// How many seconds to go on sending at most
    #[arg(long, default_value_t = 24 * 3600)]
    seconds: u64,
    /// The report as JSON
    #[arg(long)]
    json: bool,
    /// Cargo says so
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let plan = Plan {
        seed: arguments.seed.unwrap_or(now.as_secs()),
        packets: arguments.packets,
        at_most: Duration::from_secs(arguments.seconds),
        clients: arguments.clients.into(),
    };
    eprintln!("seed {}", plan.seed);
    let progress = |Progress { act, packets, elapsed, resident }: Progress| {
        eprintln!("{act}: {packets} packets in {} s, broker {} MiB", elapsed.as_secs(), resident >> 20);
    };
    match run(PROGRAMS, plan, progress) {
        Ok(report) if arguments.json => println!("{:#}", report.json()),
        Ok(report) => print!("{report}"),
        Err(failure) => {
            eprintln!("{failure}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
