//! The command line of `countersign-agent`.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand};

use crate::gateway::{Credential, Log, LogFormat, Options, RunError, Shortfall, run};
use crate::session::Timing;

/// Exit codes, the same for every Countersign command.
mod exit {
    /// I/O failed, or a line was not delivered.
    pub(super) const FAILED: u8 = 1;
    /// The arguments make no sense.
    pub(super) const USAGE: u8 = 2;
    /// The image was refused.
    pub(super) const INPUT_REFUSED: u8 = 3;
    /// The broker denied a line, whatever became of others.
    pub(super) const DENIED: u8 = 6;
}

#[derive(Parser)]
#[command(
    name = "countersign-agent",
    version,
    about = "The MQTT session of a device, on a Linux-class gateway"
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Hold the session of a credential image: telemetry from stdin, commands to stdout
    #[command(after_help = RUN_HELP)]
    Run(RunArgs),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(clap::Args)]
struct RunArgs {
    /// The credential image (a .bin of countersign-provision)
    #[arg(long, value_name = "FILE")]
    image: PathBuf,
    /// How stderr tells of state changes and refused lines
    #[arg(long, value_enum, default_value_t)]
    log: LogFormat,
    /// Stay connected for commands when stdin has ended
    #[arg(long)]
    keep_running: bool,
    /// Seconds to wait for the last acknowledgements when stdin has ended or a signal came
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    drain_timeout: u32,
    /// Shortest wait after the broker refused this device, for tests and demonstrations [default: 600]
    #[arg(long, value_name = "SECONDS", hide = true)]
    retry_refused_after: Option<u32>,
}

const RUN_HELP: &str = "\
stdin:   SUBTOPIC<TAB>PAYLOAD per line, published with QoS 1 on devices/<id>/telemetry/SUBTOPIC
stdout:  one JSON object per command: command_id, topic, payload (or payload_base64), duplicate
         its result is a line with the sub-topic commands/<command_id>

Ends when stdin has ended and every line is acknowledged; without an input (/dev/null) it runs until SIGTERM.
Exit codes: 0 done, 1 a line not delivered, 2 usage, 3 image refused, 6 a line denied by the broker.

Example:
  vmstat -n 10 | sed -u 's/^/load\\t/' | countersign-agent run --image /etc/countersign/pump-0042.bin";

/// Runs the command line `args`, program name first.
pub fn main(args: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            // Help and version go to stdout and are no failure; nor is a stdout that is closed.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(exit::USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match args.command {
        Command::Run(args) => run_command(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "countersign-agent", &mut script);
            print(&script)
        }
    }
}

/// Writes to stdout. A reader that has gone away, as with `| head`, is no failure.
fn print(bytes: &[u8]) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(exit::FAILED, &error, "stdout cannot be written to"),
    }
}

fn run_command(args: &RunArgs) -> ExitCode {
    let credential = match Credential::load(&args.image) {
        Ok(credential) => credential,
        Err(error) => {
            let help = "the image comes from `countersign-provision issue --format bin`; \
                        `countersign-provision inspect FILE` shows what is in a file";
            return fail(exit::INPUT_REFUSED, &error, help);
        }
    };
    let log = Log::new(args.log, credential.device_id());
    if let Some(exposure) = credential.exposure() {
        log.warning("image_exposed", &exposure.to_string());
    }
    let mut timing = Timing::default();
    if let Some(seconds) = args.retry_refused_after {
        timing.refused = Duration::from_secs(u64::from(seconds));
    }
    let options = Options {
        keep_running: args.keep_running,
        drain: Duration::from_secs(u64::from(args.drain_timeout)),
        timing,
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(exit::FAILED, &error, "the system refuses a thread or a file descriptor"),
    };
    let ended = runtime.block_on(run(&credential, options, &log));
    // A name that is being looked up is not waited for.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let (code, help) = match &error {
                RunError::Lines(shortfall) => {
                    (if shortfall.is_denied() { exit::DENIED } else { exit::FAILED }, lines_help(shortfall))
                }
                RunError::Stdout(_) => (exit::FAILED, "whatever reads the commands has ended; restart both"),
                RunError::Tls(_) | RunError::Signals(_) => (exit::FAILED, "this is a fault of the host"),
            };
            fail(code, &error, help)
        }
    }
}

fn lines_help(shortfall: &Shortfall) -> &'static str {
    if shortfall.is_denied() {
        "each denied line is named above; ask the broker's operator with `explain`"
    } else if shortfall.is_for_want_of_a_clock() {
        "set the clock (`timedatectl set-ntp true`, or `date -s`), then send them again"
    } else if shortfall.is_for_want_of_time() {
        "send them again; --drain-timeout gives the broker more time"
    } else {
        "each line is named above with what is wrong with it"
    }
}

fn fail(code: u8, error: &dyn fmt::Display, help: &str) -> ExitCode {
    // Written at once; if stderr is closed there is no other place to report it.
    let _ = io::stderr().lock().write_all(format!("error: {error}\nhelp: {help}\n").as_bytes());
    ExitCode::from(code)
}
