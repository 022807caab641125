//! `explain`: would this certificate be let in, as whom, and why or why not.

mod explanation;
mod text;

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use authenticator::trust::certificates;
use rustls_pki_types::{CertificateDer, UnixTime};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::args::ExplainArgs;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::exit;
use crate::rules::{CrlNumbers, RulesetStore, read_file};

use explanation::Explanation;

pub(crate) fn run(args: &ExplainArgs) -> ExitCode {
    match explain(args) {
        Ok(explanation) => print(args, &explanation),
        Err(code) => code,
    }
}

fn print(args: &ExplainArgs, explanation: &Explanation) -> ExitCode {
    let printed = if args.json { exit::print_json(explanation) } else { exit::print(&text::of(explanation)) };
    // A pipe that broke does not change the answer.
    if printed == ExitCode::SUCCESS && !explanation.allowed { ExitCode::from(exit::DENIED) } else { printed }
}

fn explain(args: &ExplainArgs) -> Result<Explanation, ExitCode> {
    let at = args.at.as_deref().map(parse_time).transpose()?;
    let chain = read_certificates(&args.cert).map_err(|error| {
        exit::fail(
            exit::INPUT_REFUSED,
            format_args!("cannot read {}: {error}", args.cert.display()),
            "name a certificate file, PEM or DER",
        )
    })?;
    let file = args.config.file();
    let config =
        Config::load(&file).map_err(|error| exit::fail(exit::INPUT_REFUSED, &error, error.fault.help()))?;
    let numbers = CrlNumbers::read_only(&config.state_directory())
        .map_err(|error| exit::fail(exit::INPUT_REFUSED, &error, "restore the file, or delete it"))?;
    over_all_listeners(args, &config, &Arc::new(numbers), &chain, at)
}

/// The explanation of the first listener that lets the client in, or else of the first.
fn over_all_listeners(
    args: &ExplainArgs,
    config: &Config,
    numbers: &Arc<CrlNumbers>,
    chain: &[CertificateDer<'static>],
    at: Option<UnixTime>,
) -> Result<Explanation, ExitCode> {
    let mut first = None;
    for listener in &config.listeners {
        let clock = Arc::new(AsOf(OnceLock::new()));
        let rules = RulesetStore::new(
            Arc::clone(&clock) as Arc<dyn Clock>,
            Arc::clone(numbers),
            Arc::clone(&config.access),
        );
        // Loaded as of now, judged as of then: the question is what today's trust will say.
        let trust = rules
            .load(&listener.trusts)
            .map_err(|error| exit::fail(exit::INPUT_REFUSED, &error, error.help()))?;
        if let Some(at) = at {
            clock.0.get_or_init(|| at);
        }
        let explanation = Explanation::of(args, listener, &rules, &trust, chain);
        if explanation.allowed {
            return Ok(explanation);
        }
        first.get_or_insert(explanation);
    }
    first.ok_or_else(|| exit::fail(exit::INPUT_REFUSED, "there is no listener", "add a [[listener]]"))
}

/// The clock of the machine until it is set, and the set time from then on.
#[derive(Debug)]
struct AsOf(OnceLock<UnixTime>);

impl Clock for AsOf {
    fn now(&self) -> UnixTime {
        self.0.get().copied().unwrap_or_else(|| SystemClock.now())
    }
}

fn parse_time(text: &str) -> Result<UnixTime, ExitCode> {
    let seconds = text.parse::<u64>().ok().or_else(|| {
        let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        u64::try_from(time.unix_timestamp()).ok()
    });
    seconds.map(|seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds))).ok_or_else(|| {
        exit::fail(
            exit::USAGE,
            format_args!("--at {text:?} is no time"),
            "write it as 2030-01-31T12:00:00Z, or as seconds since 1970",
        )
    })
}

/// The certificates in `file`, in order; at least one.
fn read_certificates(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    certificates(read_file(file)?).ok_or_else(|| io::Error::other("it holds no certificate in PEM or DER"))
}
