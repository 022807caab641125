//! What the plugin costs: mosquitto with it beside the same mosquitto with what it has itself, `crlfile` and `acl_file`.
//!
//! ```text
//! apt-get install mosquitto                                                    Debian
//! cargo bench -p countersign-mosquitto --bench overhead                        a quarter of an hour
//! cargo bench -p countersign-mosquitto --bench overhead -- --quick             whether it works; the figures are worth little
//! cargo bench -p countersign-mosquitto --bench overhead -- --readme broker-auth/mosquitto-plugin/README.md
//! ```
//!
//! Both run at the same time and take turns; what is counted is the CPU time of the one whose turn it is. The clients run on the
//! same processors.

#![forbid(unsafe_code)]

mod broker;
mod connects;
mod messages;
mod revocation;
mod table;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use load::machine::{Machine, load_average, processors};
use load::marked;
use load::packet::QoS;
use load::site::Site;
use load::usage::raise_descriptor_limit;

use crate::broker::{Broker, KINDS, version};
use crate::messages::{Messages, Pace};
use crate::table::{Goal, Table};

/// The table stands between marks of this name in a Markdown file.
const MARK: &str = "overhead";

/// Revoked serial numbers on the list of devices.
const SERIALS: [u64; 2] = [10, 1_000_000];

/// How often each has its turn.
const ROUNDS: u64 = 5;

/// How often each is started anew to have its turns with messages: where a process finds its memory makes some 3 % of what a
/// message costs it.
const MESSAGE_STARTS: u64 = 6;

/// How often each has its turn with messages, every time. Many short turns: what else the machine does in one is the same in the
/// next.
const MESSAGE_ROUNDS: u64 = 100;

/// What no message, and no connect, should cost more than, as a multiple of what it costs without the plugin.
const MESSAGE_GOAL: Goal = Goal::Ratio(1.05);
const CONNECT_GOAL: Goal = Goal::Ratio(1.15);

/// Runs mosquitto with the plugin beside mosquitto without it
#[derive(Parser)]
struct Arguments {
    /// A tenth of everything, to see whether it works; the figures are worth little
    #[arg(long)]
    quick: bool,
    /// Nothing but what a message costs
    #[arg(long, conflicts_with = "readme")]
    messages: bool,
    /// Replace the table between the marks in this file by the one that was measured
    #[arg(long, value_name = "FILE")]
    readme: Option<PathBuf>,
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
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").join(file)
}

/// How much of it.
#[derive(Clone, Copy, Debug)]
struct Scale {
    quick: bool,
    messages: bool,
}

impl Scale {
    /// So many, or a tenth.
    fn of(self, count: u64) -> u64 {
        if self.quick { count.div_ceil(10) } else { count }
    }
}

async fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    raise_descriptor_limit();
    let scale = Scale { quick: arguments.quick, messages: arguments.messages };
    let (begin, load) = (Machine::now()?, load_average()?);
    let mosquitto = version()?;
    let directory = tempfile::tempdir()?;
    let site = Site::new(directory.path())?;
    let mut table = Table::default();
    for serials in SERIALS.map(|serials| if serials > 1_000 { scale.of(serials) } else { serials }) {
        eprintln!("a CRL of {serials} …");
        with_list(&site, serials, scale, &mut table).await?;
    }
    let machine = format!(
        "Measured with {mosquitto} on {} processors with a load average of {load:.2} before; meanwhile {}.",
        processors(),
        begin.disturbance()?
    );
    println!("{}\n{machine}", table.markdown());
    if let Some(file) = &arguments.readme {
        marked::replace(&of_project(file), MARK, |_| format!("\n{}\n{machine}\n\n", table.markdown()))?;
    }
    Ok(())
}

/// All figures with so many serial numbers on the list.
async fn with_list(site: &Site, serials: u64, scale: Scale, table: &mut Table) -> Result<(), Box<dyn Error>> {
    site.stage(serials, &[])?.publish()?;
    let list = format!("CRL of {serials}");
    if !scale.messages {
        of_sessions(&started(site).await?, site, &list, scale, table).await?;
    }
    for start in 0..scale.of(MESSAGE_STARTS) {
        eprintln!("  messages, start {} …", start + 1);
        of_messages(&started(site).await?, site, &list, scale, table).await?;
    }
    if !scale.messages {
        for broker in &started(site).await? {
            revocation::measure(broker, site, serials, &list, scale, table).await?;
        }
    }
    Ok(())
}

/// One of each kind.
async fn started(site: &Site) -> Result<Vec<Broker>, Box<dyn Error>> {
    let mut brokers = Vec::new();
    for kind in KINDS {
        brokers.push(Broker::start(kind, site).await?);
    }
    Ok(brokers)
}

/// What a session takes, and how much to open it.
async fn of_sessions(
    brokers: &[Broker],
    site: &Site,
    list: &str,
    scale: Scale,
    table: &mut Table,
) -> Result<(), Box<dyn Error>> {
    for broker in brokers {
        let kind = broker.kind();
        let resident = broker.process().resident()? as f64 / f64::from(1 << 20);
        table.enter(&format!("{list}: memory before anybody comes"), "MiB", Goal::None, kind, Some(resident));
        let session = connects::memory(broker, site, scale.of(4_000)).await?;
        table.enter(&format!("{list}: memory a session"), "KiB", Goal::None, kind, Some(session));
    }
    // Whoever has come once is known, in every round and to both: newcomers have numbers of their own.
    let mut newcomers = 1_000_000..;
    for round in 0..scale.of(ROUNDS).max(2) {
        eprintln!("  round {} …", round + 1);
        for turn in 0..brokers.len() {
            let broker = &brokers[(turn + round as usize) % brokers.len()];
            let mut enter = |what: &str, value| {
                let what = format!("{list}: server CPU {what}");
                table.enter(&what, "ms", CONNECT_GOAL, broker.kind(), Some(value));
            };
            let count = scale.of(1_000);
            let first: Vec<_> = newcomers.by_ref().take(count as usize).collect();
            let cost =
                connects::cost(broker, first.iter().map(|number| site.device(*number)).collect()).await?;
            enter("a connect, the first", cost);
            let cost = connects::cost(broker, connects::known(site, count)).await?;
            enter("a connect of a device that comes back", cost);
        }
    }
    Ok(())
}

/// What a message takes, in short turns of either.
async fn of_messages(
    brokers: &[Broker],
    site: &Site,
    list: &str,
    scale: Scale,
    table: &mut Table,
) -> Result<(), Box<dyn Error>> {
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        let mut sides = Vec::new();
        for broker in brokers {
            sides.push(Messages::connect(broker, site, qos).await?);
        }
        for (pace, messages) in [(Pace::Single, 200), (Pace::Full, 2_000)] {
            let what = format!("{list}: server CPU a message of QoS {}, {}", qos as u8, pace.name());
            for round in 0..scale.of(MESSAGE_ROUNDS) as usize {
                for turn in 0..sides.len() {
                    let place = (turn + round) % sides.len();
                    let cost = sides[place].cost(pace, messages).await?;
                    table.enter(&what, "µs", MESSAGE_GOAL, sides[place].broker().kind(), Some(cost));
                }
            }
        }
    }
    Ok(())
}
