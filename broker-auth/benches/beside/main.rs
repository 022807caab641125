//! countersign-broker and mosquitto beside each other, on this machine, in one run.
//!
//! ```text
//! cargo bench -p broker-auth --bench beside                           everything, about ten minutes
//! cargo bench -p broker-auth --bench beside -- handshake revoke       some of it
//! cargo bench -p broker-auth --bench beside -- --readme broker-auth/README.md --plot broker-auth/benches/arrival.svg
//! ```
//!
//! The server's CPU time is the fair figure: the clients run on the same cores. Both servers demand a client
//! certificate, check it against a CRL, and authorise topics by the name in it.

#![forbid(unsafe_code)]

mod floor;
mod plot;
mod scenario;
mod server;
mod table;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use load::site::Site;
use load::usage::raise_descriptor_limit;

use crate::scenario::{SCENARIOS, Scale};
use crate::server::{Kind, Mosquitto};
use crate::table::Table;

/// Runs countersign-broker and mosquitto beside each other
#[derive(Parser)]
struct Arguments {
    /// What to run: handshake, idle, messages, revoke, reject, policies, rejudge, storm, stranger, stalled, arrival. Everything, if nothing is named
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(SCENARIOS.map(|scenario| scenario.name)))]
    scenarios: Vec<String>,
    /// A tenth of everything, to see whether it works; the figures are worth little
    #[arg(long)]
    quick: bool,
    /// countersign-broker alone
    #[arg(long)]
    alone: bool,
    /// Replace the table between the marks in this file
    #[arg(long, value_name = "FILE")]
    readme: Option<PathBuf>,
    /// Draw what an arrival costs in a growing fleet
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Cargo says so
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&*error),
    }
}

fn failed(error: &dyn Error) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}

/// A file as it is called from the project's directory: Cargo starts benchmarks in that of their package.
fn of_project(file: &Path) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)
}

async fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let descriptors = raise_descriptor_limit();
    let scale = Scale { quick: arguments.quick, descriptors };
    let kinds: &[Kind] = if arguments.alone {
        &[Kind::Countersign]
    } else {
        Mosquitto::find()?;
        &[Kind::Countersign, Kind::Mosquitto]
    };
    let directory = tempfile::tempdir()?;
    let site = Site::new(directory.path())?;
    let mut table = Table::default();
    let wanted = |name: &str| {
        arguments.scenarios.is_empty() || arguments.scenarios.iter().any(|scenario| scenario == name)
    };
    for scenario in SCENARIOS.iter().filter(|scenario| wanted(scenario.name)) {
        for kind in kinds {
            eprintln!("{} of {kind} …", scenario.name);
            for figure in (scenario.run)(&site, *kind, scale).await? {
                table.enter(*kind, figure);
            }
        }
    }
    print!("{table}");
    if let Some(file) = &arguments.readme {
        table.replace_in(&of_project(file))?;
    }
    if let Some(file) = &arguments.plot {
        plot::arrival(&table, &of_project(file))?;
    }
    Ok(())
}
