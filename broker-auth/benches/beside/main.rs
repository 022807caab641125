//! countersign-broker beside mosquitto and nginx, on this machine, in one run.
//!
//! ```text
//! apt-get install mosquitto nginx-light                               who stands beside it (Debian)
//! cargo bench -p broker-auth --bench beside                           everything, about twenty minutes
//! cargo bench -p broker-auth --bench beside -- handshake revoke       some of it
//! cargo bench -p broker-auth --bench beside -- --readme broker-auth/README.md --plot broker-auth/benches/arrival.svg
//! ```
//!
//! The server's CPU time is the fair figure: the clients run on the same cores. All servers demand a client certificate and
//! check it against a CRL; brokers authorise topics by the name in it.

#![forbid(unsafe_code)]

mod floor;
mod plot;
mod report;
mod scenario;
mod server;
mod table;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use load::machine::{Machine, load_average, processors};
use load::site::Site;
use load::usage::raise_descriptor_limit;

use crate::report::Report;
use crate::scenario::{SCENARIOS, Scale};
use crate::server::Kind;

/// Runs countersign-broker beside mosquitto and nginx
#[derive(Parser)]
struct Arguments {
    /// What to run: handshake, idle, messages, revoke, reject, policies, rejudge, storm, stranger, stalled, arrival, cut, million, decision, https. Everything, if nothing is named
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(SCENARIOS.map(|scenario| scenario.name)))]
    scenarios: Vec<String>,
    /// A tenth of everything, to see whether it works; the figures are worth little
    #[arg(long)]
    quick: bool,
    /// countersign-broker alone
    #[arg(long)]
    alone: bool,
    /// Replace the tables between the marks in this file by those that were measured
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
    let rivals = if arguments.alone { Vec::new() } else { rivals() };
    let names = [Kind::Countersign.version()?].into_iter().chain(rivals.iter().map(|(_, name)| name.clone()));
    let machine = format!(
        "{} processors with a load average of {:.2} before: {}",
        processors(),
        load_average()?,
        names.collect::<Vec<_>>().join(", ")
    );
    eprintln!("{machine}");
    let mut report = Report::new(machine);
    let directory = tempfile::tempdir()?;
    let site = Site::new(directory.path())?;
    let wanted = |name: &str| {
        arguments.scenarios.is_empty() || arguments.scenarios.iter().any(|scenario| scenario == name)
    };
    for scenario in SCENARIOS.iter().filter(|scenario| wanted(scenario.name)) {
        let begin = Machine::now()?;
        let rival = scenario.rival.filter(|rival| rivals.iter().any(|(kind, _)| kind == rival));
        for kind in [Some(Kind::Countersign), rival].into_iter().flatten() {
            eprintln!("{} of {kind} …", scenario.name);
            for figure in (scenario.run)(&site, kind, scale).await? {
                report.enter(scenario, kind, figure);
            }
        }
        let disturbance = begin.disturbance()?;
        eprintln!("  meanwhile {disturbance}");
        report.disturbed(scenario.name, disturbance);
    }
    print!("{report}");
    if let Some(file) = &arguments.readme {
        report.replace_in(&of_project(file))?;
    }
    if let Some(file) = &arguments.plot {
        plot::arrival(&report, &of_project(file))?;
    }
    Ok(())
}

/// Who is there to stand beside countersign-broker, and what it calls itself.
fn rivals() -> Vec<(Kind, String)> {
    let packages = [(Kind::Mosquitto, "mosquitto"), (Kind::Nginx, "nginx-light")];
    let found = packages.into_iter().filter_map(|(kind, package)| match kind.version() {
        Ok(name) => Some((kind, name)),
        Err(error) => {
            eprintln!("{error} (Debian: package {package}): countersign-broker runs without it");
            None
        }
    });
    found.collect()
}
