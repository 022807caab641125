//! Live sessions that end: by a CRL, by OCSP, by pins, by a policy; and how those fare that stay.

mod cause;
mod sessions;

use std::time::{Duration, Instant};

use load::client::{Client, ConnectOptions};
use load::site::{Identity, Site};
use tokio::time::timeout;

use self::cause::{CAUSES, Cause};
use self::sessions::Sessions;
use super::ping::Ping;
use super::{Figures, Meter, Scale, median_p99_max, milliseconds};
use crate::server::{Kind, Server};
use crate::table::{Figure, Value};

const SESSIONS: u64 = 10_000;

/// So many are cut, one number after the other.
const CUT: [u64; 3] = [1, 100, 5_000];

/// For how long pings are measured at least: before anything happens, and after each cut.
const WINDOW: Duration = Duration::from_secs(2);

/// For one cause, with all that is made for it.
const DEADLINE: Duration = Duration::from_secs(600);

pub(super) async fn run(site: &Site, kind: Kind, scale: Scale) -> Figures {
    let count = scale.connections(SESSIONS);
    let devices = site.devices(0..count);
    let mut figures = Vec::new();
    for cause in CAUSES.into_iter().filter(|cause| cause.is_known_to(kind)) {
        figures.extend(timeout(DEADLINE, cut_by(cause, site, kind, scale, &devices)).await??);
        site.revoke(&[])?;
    }
    Ok(figures)
}

async fn cut_by(cause: Cause, site: &Site, kind: Kind, scale: Scale, devices: &[Identity]) -> Figures {
    let pinging = site.device(SESSIONS);
    let mut trigger = cause.prepare(site, devices, &pinging).await?;
    let server = Server::with(kind, site, trigger.demands()).await?;
    let mut sessions = Sessions::open(&server, devices).await?;
    let ping = Ping::start(server.address(), pinging);
    let begin = Instant::now();
    tokio::time::sleep(2 * WINDOW).await;
    let quiet = ping.between(begin, Instant::now());
    eprintln!("  {cause}: {} sessions; pings before: {quiet}", devices.len());
    let mut figures = vec![Figure {
        what: format!("{} sessions that wait for {cause}, ping: median / p99 / max", devices.len()),
        unit: "ms",
        value: median_p99_max(&quiet),
        goal: "",
    }];
    let mut cut = 0;
    for number in CUT {
        let number = scale.of(number).max(1) as usize;
        let victims = cut..cut + number;
        let live = devices.len() - cut;
        cut += number;
        let what = format!("{number} of {live} cut by {cause}");

        let meter = Meter::start(server.process())?;
        let since = trigger.pull(site, &server, &devices[..cut]).await?;
        let ends = sessions.ends_of(victims.clone(), since, cause.patience(kind)).await;
        let used = meter.used()?;
        tokio::time::sleep(WINDOW.saturating_sub(since.elapsed())).await;
        let pings = ping.between(since, Instant::now());
        eprintln!("  {what}: {} closed, {ends}; pings: {pings}", ends.count());
        if let Some(victim) = devices.get(victims.start)
            && Client::connect(server.address(), victim, ConnectOptions::default()).await.is_ok()
        {
            return Err(format!("{what}: {} is let in again", victim.name).into());
        }
        let figure = |of: &str, unit, value, goal| Figure { what: format!("{what}{of}"), unit, value, goal };
        let seen = if ends.count() == number {
            Value::Three([0.0, 0.5, 1.0].map(|share| milliseconds(ends.quantile(share))))
        } else {
            Value::Never
        };
        figures.extend([
            figure(", until seen: first / median / last", "ms", seen, cause.goal()),
            figure(", server CPU until then", "s", Value::Number(used.as_secs_f64()), ""),
            figure(", ping of one that stays: median / p99 / max", "ms", median_p99_max(&pings), ""),
        ]);
    }
    ping.finish()?;
    figures.push(Figure {
        what: format!("sessions that {cause} ended and nobody meant"),
        unit: "of all",
        value: Value::Number(sessions.stray_ends() as f64),
        goal: "0",
    });
    if let Some(questions) = trigger.questions_per_second(begin) {
        figures.push(Figure {
            what: format!("OCSP questions about {} sessions", devices.len()),
            unit: "per second",
            value: Value::Number(questions),
            goal: "",
        });
    }
    Ok(figures)
}
