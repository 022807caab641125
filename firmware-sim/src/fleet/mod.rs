//! A fleet of simulated devices: the agent of microcontrollers, over TCP, once per image.
//!
//! | module | what it knows |
//! |---|---|
//! | [`images`] | which devices there are: reads and checks every image before the first connects |
//! | [`device`] | one device: the agent, on a board made of this machine |
//! | [`firmware`] | what its firmware does: counts, and obeys |
//! | [`detour`] | the way to the broker of the command line |
//! | [`stop`] | the wish to leave, for all of them |
//! | [`crowd`] | all of them, on as many threads as there are processors |
//! | [`record`] | what became of a device |
//! | [`voice`] | lines as things happen, as text or JSON |
//! | [`summary`] | the table at the end |

mod crowd;
mod detour;
mod device;
mod firmware;
mod images;
mod record;
mod stop;
mod summary;
mod voice;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

pub use detour::Endpoint;
use summary::Summary;
use tokio::signal::unix::{SignalKind, signal};
use voice::Voice;

/// What may differ from one fleet to the next.
#[derive(Clone, Debug)]
pub struct Options {
    /// A directory of images, or one image.
    pub images: PathBuf,
    /// The broker, if not the one that each image names.
    pub broker: Option<Endpoint>,
    /// Messages a second, of each device.
    pub rate: f64,
    /// How long, if not until a signal comes.
    pub duration: Option<Duration>,
    /// No more devices than this.
    pub devices: Option<usize>,
    /// How many devices start a second.
    pub ramp: u32,
    /// JSON lines instead of text.
    pub json: bool,
    /// Every change of state.
    pub device_log: bool,
}

/// How long the last acknowledgements may take once the end is wished for.
const DRAIN: Duration = Duration::from_secs(10);

/// Exit codes, the same for every Countersign command.
mod exit {
    pub(super) const FAILED: u8 = 1;
    pub(super) const USAGE: u8 = 2;
    pub(super) const INPUT_REFUSED: u8 = 3;
}

/// Runs a fleet to its end, and says how it went.
pub fn run(options: &Options) -> ExitCode {
    let images = match images::read(&options.images, options.devices) {
        Ok(images) => images,
        Err(error) => {
            let code = if error.is_refusal() { exit::INPUT_REFUSED } else { exit::USAGE };
            return fail(code, &error, error.help());
        }
    };
    if let Err(error) = crowd::make_room(images.len()) {
        return fail(
            exit::USAGE,
            &error,
            "raise the limit of open files (ulimit -n), or name fewer --devices",
        );
    }
    let voice = Arc::new(Voice::new(options.json, options.device_log, images.len()));
    let summary = match simulate(images, options, &voice) {
        Ok(summary) => summary,
        Err(error) => return fail(exit::FAILED, &error, "the system refuses a thread or a signal handler"),
    };
    voice.over();
    if options.json {
        voice.line(&summary.json());
    } else {
        voice.line(&summary);
    }
    if summary.is_good() { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) }
}

/// All devices, until the time is over or somebody asks them to stop.
fn simulate(images: Vec<images::DeviceImage>, options: &Options, voice: &Arc<Voice>) -> io::Result<Summary> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (stop, stopping) = stop::channel();
    runtime.block_on(async {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let crowd = crowd::start(images, options, voice, &stopping)?;
        let mut ended = tokio::task::spawn_blocking(move || crowd.join());
        let over = async {
            match options.duration {
                Some(duration) => tokio::time::sleep(duration).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = over => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stop.ask(DRAIN);
        // A second signal is impatience.
        let records = tokio::select! {
            records = &mut ended => records.map_err(io::Error::other)??,
            _ = interrupt.recv() => return Err(io::Error::from(io::ErrorKind::Interrupted)),
            _ = terminate.recv() => return Err(io::Error::from(io::ErrorKind::Interrupted)),
        };
        Ok(Summary::of(&records))
    })
}

fn fail(code: u8, error: &dyn std::fmt::Display, help: &str) -> ExitCode {
    // Nobody is left to tell if stderr is closed.
    let _ = writeln!(io::stderr(), "error: {error}\nhelp: {help}");
    ExitCode::from(code)
}

/// Reads `HOST:PORT`, for the command line.
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
