//! A whole run: a site, witnesses, a rehearsal that warms the broker up, and the play itself.

use std::any::Any;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use load::usage::Process;
use serde_json::Value;

use super::clients::{MAX_CLIENTS, POLICIES, Part, Standing};
use super::counts::Tally;
use super::driver::{Outcome, Player, Stage};
use super::observer::{Testimony, Witnesses};
use super::report::{Failure, Plan, Progress, Report};
use super::traces::{Janitor, Usage};
use crate::broker::{Broker, Mark, operate};
use crate::client::Tls;
use crate::fleet::Fleet;
use crate::mqtt::{Connect, Version};
use crate::program::Programs;
use crate::site::Site;

/// How much more memory the broker may hold after the play than after the rehearsal, in bytes. About half of it is the
/// engine's logs, which have an end but are full only after a while. In half a million packets over ten thousand
/// connections it is 64 bytes of the one, or three kilobytes of the other, that may be lost each time.
const SLACK: u64 = 32 * 1024 * 1024;

/// The witnesses' names start so.
const WITNESS: &str = "witness";

/// How many connections the broker takes: for everybody, and for those that it is about to close. A place that is not
/// given back is soon missed.
const CONNECTIONS: usize = 64;

/// How often a run says how far it is.
const PROGRESS: Duration = Duration::from_secs(10);

/// Runs a plan from a new fleet to the broker's end. `progress` is told every few seconds.
pub fn run(programs: Programs, plan: Plan, progress: impl Fn(Progress) + Sync) -> Result<Report, Failure> {
    let failure = |what| Failure { plan, what };
    let site = Site::configured(programs, |fleet| {
        let devices = "[[policy]]\nname = \"devices\"";
        fleet.configure(devices, &format!("{POLICIES}{devices}"));
        fleet.limit(&format!("max-connections = {CONNECTIONS}"));
    });
    let parts: Vec<Part> = (0..plan.clients.clamp(1, MAX_CLIENTS)).map(Part::of).collect();
    let tls = credentials(&site.fleet, &parts);
    let witnesses = [("0", Version::V311, Version::V5), ("1", Version::V5, Version::V311)]
        .map(|(number, device, service)| summon(&site, number, device, service));
    let janitor = Janitor {
        fleet: &site.fleet,
        address: site.address(),
        tls: &tls,
        witnesses: (WITNESS, 2 * witnesses.len()),
    };
    let stopped = AtomicBool::new(false);
    let address = site.address();
    let broker = janitor.broker();
    let troupe =
        Troupe { plan, address, parts: &parts, tls: &tls, stopped: &stopped, broker, progress: &progress };
    let since = Instant::now();
    let (played, seen) = beside(witnesses, &stopped, || troupe.both_acts(&janitor));
    let elapsed = since.elapsed();
    let told = |what: String| {
        let (status, log) = (janitor.status(), last_lines(&site.broker));
        failure(format!("{what}\nthe broker: {status:#}\nits last words:{log}"))
    };
    let seen = seen.map_err(told)?;
    let (tally, usage) = played.map_err(told)?;
    let counters = take_leave(site).map_err(failure)?;
    if usage[1].resident > usage[0].resident + SLACK {
        return Err(failure(format!("memory did not return to where it was: {usage:?}, {counters:#}")));
    }
    Ok(Report { plan, tally, witnesses: seen, usage, counters, elapsed })
}

/// How everybody speaks TLS.
fn credentials(fleet: &Fleet, parts: &[Part]) -> BTreeMap<String, Tls> {
    let mut tls = BTreeMap::new();
    for part in parts.iter().chain([&Part::of(2)]) {
        tls.entry(part.identity.clone()).or_insert_with(|| {
            let credential = match part.standing {
                Standing::Device => fleet.device(&part.identity),
                Standing::Narrow | Standing::Wide => fleet.service(&part.identity),
            };
            Tls::new(fleet, Some(&credential))
        });
    }
    tls
}

fn summon(site: &Site, number: &str, device: Version, service: Version) -> Witnesses {
    let (name, service_name) = (format!("{WITNESS}-{number}"), format!("{WITNESS}-service-{number}"));
    let (its, theirs) = (site.fleet.device(&name), site.fleet.service(&service_name));
    Witnesses {
        device: site.connect(&its, &Connect::new(device, &name)),
        service: site.connect(&theirs, &Connect::new(service, &service_name)),
        name,
    }
}

/// Does something beside witnesses who watch it from before its beginning until after its end, and then leave.
fn beside<T>(
    witnesses: [Witnesses; 2],
    harmed: &AtomicBool,
    something: impl FnOnce() -> T,
) -> (T, Result<Vec<Testimony>, String>) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watching = witnesses.map(|witnesses| scope.spawn(|| witnesses.watch(&over, harmed)));
        let curtain = Curtain(&over);
        let done = something();
        drop(curtain);
        let seen = watching.map(|watching| {
            watching.join().map_err(|panic| format!("a witness was harmed: {}", said(&*panic)))
        });
        let left = seen.map(|seen| {
            seen.map(|(witnesses, testimony)| {
                witnesses.leave();
                testimony
            })
        });
        (done, left.into_iter().collect())
    })
}

/// Tells the witnesses that it is over, also when what they watch ends in a panic.
struct Curtain<'a>(&'a AtomicBool);

impl Drop for Curtain<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> String {
    match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(said), _) => said.clone(),
        (None, Some(said)) => (*said).to_owned(),
        (None, None) => "a panic without words".to_owned(),
    }
}

/// Everybody who plays.
struct Troupe<'a> {
    plan: Plan,
    address: SocketAddr,
    parts: &'a [Part],
    tls: &'a BTreeMap<String, Tls>,
    /// Set when something went wrong.
    stopped: &'a AtomicBool,
    broker: Process,
    progress: &'a (dyn Fn(Progress) + Sync),
}

impl Troupe<'_> {
    /// One half as a rehearsal, the other as the play; what the broker uses after each.
    fn both_acts(&self, janitor: &Janitor<'_>) -> Result<(Tally, [Usage; 2]), String> {
        let half = self.plan.packets / 2;
        let mut tally = self.act("rehearsal", 0, half, self.plan.at_most / 2)?;
        let before = janitor.clean(None)?;
        let rest = self.plan.packets - half;
        // Far from the steps of the rehearsal.
        tally.add(&self.act("play", 1 << 32, rest, self.plan.at_most / 2)?);
        let after = janitor.clean(Some(before))?;
        Ok((tally, [before, after]))
    }

    /// One act: every client plays from step `first`, and leaves.
    fn act(&self, act: &'static str, first: u64, packets: u64, at_most: Duration) -> Result<Tally, String> {
        let stage = Stage {
            address: self.address,
            seed: self.plan.seed,
            packets: AtomicU64::new(0),
            stopped: self.stopped,
        };
        let since = Instant::now();
        let each = packets.div_ceil(self.parts.len() as u64);
        let outcomes: Vec<Result<Outcome, String>> = thread::scope(|scope| {
            let playing: Vec<_> = self
                .parts
                .iter()
                .map(|part| {
                    let player = Player::new(&stage, part.clone(), self.tls[&part.identity].clone());
                    scope.spawn(move || player.play(first, each, since + at_most))
                })
                .collect();
            let mut told = since;
            while playing.iter().any(|playing| !playing.is_finished()) {
                thread::sleep(Duration::from_millis(50));
                if told.elapsed() >= PROGRESS {
                    told = Instant::now();
                    let packets = stage.packets.load(Ordering::Relaxed);
                    let resident = self.broker.resident().unwrap_or_default();
                    (self.progress)(Progress { act, packets, elapsed: since.elapsed(), resident });
                }
            }
            playing.into_iter().map(|playing| playing.join().map_err(|panic| said(&*panic))).collect()
        });
        let mut tally = Tally::default();
        for outcome in outcomes {
            let outcome = outcome?;
            outcome.result.map_err(|deviation| {
                let Part { number, client_id, .. } = outcome.part;
                format!(
                    "client {number} ({client_id}), {act}, step {}: {}\n{}",
                    outcome.step, deviation.0, outcome.trace
                )
            })?;
            tally.add(&outcome.tally);
        }
        if self.stopped.load(Ordering::Relaxed) {
            return Err("a witness was harmed".to_owned());
        }
        Ok(tally)
    }
}

/// Looks at what the broker says of itself when everybody has left, and stops it; its counters.
fn take_leave(site: Site) -> Result<Value, String> {
    let Site { broker, fleet, .. } = site;
    let status = operate(&fleet, "status", &["--json"]).json();
    let expected =
        [("sessions", Value::from(0)), ("engine_rebuilds", Value::from(0)), ("engine_alive", true.into())];
    for (name, expected) in expected {
        if status[name] != expected {
            let log = last_lines(&broker);
            return Err(format!("{name} is not {expected}: {status:#}\nthe broker's last words:{log}"));
        }
    }
    broker.terminate();
    let log = broker.log().clone();
    let code = broker.wait();
    if code != 0 {
        return Err(format!("the broker ended with code {code}: {log}"));
    }
    // The router takes an orderly end of a link for an error now and then.
    let is_routers =
        |line: &Value| line["target"].as_str().is_some_and(|target| target.starts_with("rumqttd"));
    let is_bad = |line: &&Value| {
        (line["level"] == "ERROR" && !is_routers(line)) || line.to_string().contains("panicked")
    };
    if let Some(line) = log.since(Mark::START).iter().find(is_bad) {
        return Err(format!("the broker complained: {line}"));
    }
    Ok(status["counters"].clone())
}

/// The last lines of a broker's log that tell of something.
fn last_lines(broker: &Broker) -> String {
    let lines = broker.log().since(Mark::START);
    let loud = lines.iter().filter(|line| line["level"] != "INFO");
    let shown: Vec<&Value> = loud.rev().take(30).collect();
    shown.iter().rev().map(|line| format!("\n  {line}")).collect()
}
