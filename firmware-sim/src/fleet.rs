//! A fleet of simulated devices: the agent of microcontrollers, over TCP, once per image.
//!
//! | module | what it knows |
//! |---|---|
//! | [`images`] | the credential images: read and checked before the first device connects |
//! | [`device`] | one device: the agent on the platform of this machine |
//! | [`firmware`] | the application of a device: publishes a counter and answers commands |
//! | [`network`] | the TCP connection to the broker, which the command line may name |
//! | [`shutdown`] | the request to stop, for all devices |
//! | [`device_pool`] | all devices, on as many threads as there are processors |
//! | [`options`] | what the command line asks for |
//! | [`record`] | the results of one device |
//! | [`reporter`] | a line for each event, as text or JSON |
//! | [`summary`] | the table at the end |

mod device;
mod device_pool;
mod firmware;
mod images;
mod network;
mod options;
mod record;
mod reporter;
mod shutdown;
mod summary;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

pub use network::Endpoint;
pub use options::Options;
use reporter::Reporter;
use summary::Summary;
use tokio::signal::unix::{SignalKind, signal};

/// How long the last acknowledgements may take once the devices are asked to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Exit codes, the same for every Countersign command.
mod exit {
    pub(super) const FAILED: u8 = 1;
    pub(super) const USAGE: u8 = 2;
    pub(super) const INPUT_REFUSED: u8 = 3;
}

/// Runs a fleet until its duration is over or a signal comes, and prints the summary.
pub fn run(options: &Options) -> ExitCode {
    let images = match images::read(&options.images, options.devices) {
        Ok(images) => images,
        Err(error) => {
            let code = if error.is_refusal() { exit::INPUT_REFUSED } else { exit::USAGE };
            return fail(code, &error, error.help());
        }
    };
    if let Err(error) = device_pool::raise_open_file_limit(images.len()) {
        return fail(
            exit::USAGE,
            &error,
            "raise the limit of open files (ulimit -n), or name fewer --devices",
        );
    }
    let reporter = Arc::new(Reporter::new(options.json, options.device_log, images.len()));
    let summary = match simulate(images, options, &reporter) {
        Ok(summary) => summary,
        Err(error) => return fail(exit::FAILED, &error, "the system refuses a thread or a signal handler"),
    };
    reporter.finish();
    if options.json {
        reporter.line(&summary.json());
    } else {
        reporter.line(&summary);
    }
    if summary.is_success() { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) }
}

/// Runs all devices until the duration is over or a signal comes.
fn simulate(
    images: Vec<images::DeviceImage>,
    options: &Options,
    reporter: &Arc<Reporter>,
) -> io::Result<Summary> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (shutdown, shutdown_signal) = shutdown::channel();
    let summary = runtime.block_on(async {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let pool = device_pool::start(images, options, reporter, &shutdown_signal)?;
        let mut ended = tokio::task::spawn_blocking(move || pool.join());
        let duration = async {
            match options.duration {
                Some(duration) => tokio::time::sleep(duration).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = duration => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        shutdown.request(DRAIN_TIMEOUT);
        // A second signal ends the program at once.
        let records = tokio::select! {
            records = &mut ended => records.map_err(io::Error::other)??,
            _ = interrupt.recv() => return Err(io::Error::from(io::ErrorKind::Interrupted)),
            _ = terminate.recv() => return Err(io::Error::from(io::ErrorKind::Interrupted)),
        };
        Ok(Summary::of(&records))
    });
    // After a second signal the devices are not waited for.
    runtime.shutdown_background();
    summary
}

fn fail(code: u8, error: &dyn std::fmt::Display, help: &str) -> ExitCode {
    // A closed stderr leaves nowhere to report to.
    let _ = io::stderr().lock().write_all(format!("error: {error}\nhelp: {help}\n").as_bytes());
    ExitCode::from(code)
}

/// Parses `HOST:PORT`: a host name, an IPv4 address, or an IPv6 address in brackets.
///
/// # Errors
///
/// A sentence for the usage error.
pub fn endpoint(text: &str) -> Result<Endpoint, String> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(Endpoint { host: address.ip().to_string(), port: address.port() });
    }
    let (host, port) = text.rsplit_once(':').ok_or("HOST:PORT is expected")?;
    let port = port.parse().map_err(|_| format!("{port:?} is no port"))?;
    if host.is_empty() || host.contains([':', '/', '[', ']']) {
        return Err(format!("{host:?} is no host"));
    }
    Ok(Endpoint { host: host.to_owned(), port })
}
