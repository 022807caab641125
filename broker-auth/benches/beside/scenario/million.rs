//! A revocation list of a million takes another's place while devices connect.

use std::time::{Duration, Instant};

use load::client::{Client, ConnectOptions, Lost};
use load::site::{Identity, Site};
use tokio::time::{sleep, timeout};

use super::visits::Visits;
use super::{Figures, Meter, Scale, median_p99_max, milliseconds};
use crate::server::{Kind, Server};
use crate::table::{Figure, Value};

/// Serial numbers on the list, beside those of a few devices.
const REVOKED: u64 = 1_000_000;

/// Devices that connect in a second: a small part of what either server can do with a short list.
const VISITS: u32 = 20;

/// Devices that take turns.
const DEVICES: u64 = 100;

/// How long handshakes are measured before a list comes, and once it is in force.
const WINDOW: Duration = Duration::from_secs(10);

/// Handshakes one after the other, once nobody else connects: what one costs, however many the server could not keep up with.
const ALONE: u64 = 50;

/// How often a revoked device tries.
const TRY_EVERY: Duration = Duration::from_millis(10);

/// A list that is not in force by then never is; whoever has not connected by then is lost.
const PATIENCE: Duration = Duration::from_secs(120);

/// For all of it.
const DEADLINE: Duration = Duration::from_secs(900);

pub(super) async fn run(site: &Site, kind: Kind, scale: Scale) -> Figures {
    let figures = timeout(DEADLINE, measured(site, kind, scale)).await?;
    site.revoke(&[])?;
    figures
}

async fn measured(site: &Site, kind: Kind, scale: Scale) -> Figures {
    site.revoke(&[])?;
    let server = Server::start(kind, site).await?;
    let count = scale.of(REVOKED);
    let before = server.process().resident()?;
    let devices = site.devices(0..DEVICES);
    let victims = site.devices(DEVICES..DEVICES + 2);
    let mut figures = swap(site, &server, count, &devices, &victims[..1], "an empty one").await?;
    figures.extend(swap(site, &server, count, &devices, &victims, "another such").await?);
    let megabytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let (peak, after) = (server.process().peak_resident()?, server.process().resident()?);
    figures.push(Figure {
        what: format!("memory with an empty CRL / with {count} on it, the second time / at its peak"),
        unit: "MiB",
        value: Value::Three([before, after, peak].map(megabytes)),
        goal: "",
    });
    Ok(figures)
}

/// Has a list in place of `another`, on which `victims` are for the first time: the last of them finds out when it is in force.
async fn swap(
    site: &Site,
    server: &Server,
    count: u64,
    devices: &[Identity],
    victims: &[Identity],
    another: &str,
) -> Figures {
    let victim = victims.last().ok_or("nobody is revoked")?;
    let lists = site.stage(count, &victims.iter().collect::<Vec<_>>())?;
    let megabytes = lists.longest() as f64 / f64::from(1 << 20);
    let visits = Visits::start(server.address(), devices.to_vec(), VISITS);
    let begin = Instant::now();
    sleep(WINDOW).await;
    let since = Instant::now();
    lists.publish()?;
    server.look_at_crl()?;
    let in_force = timeout(PATIENCE, refused(server, victim, since)).await.ok();
    let then = Instant::now();
    sleep(WINDOW).await;
    let end = Instant::now();
    let visited = visits.finish(PATIENCE).await?;

    let what = format!("CRL of {count} in place of {another}");
    let figure = |of: &str, unit, value, goal| Figure { what: format!("{what}{of}"), unit, value, goal };
    eprintln!("  {what}: {megabytes:.0} MiB; in force after {in_force:?}; {} visits lost", visited.lost());
    let value = in_force.map_or(Value::Never, |time| Value::Number(milliseconds(time)));
    let mut figures = vec![figure(", until it is in force", "ms", value, "")];
    for (when, from, to) in
        [("before", begin, since), ("until it is in force", since, then), ("then", then, end)]
    {
        let spread = visited.between(from, to);
        eprintln!("  {} handshakes {when}: {spread}", spread.count());
        let of = format!(", handshake {when}: median / p99 / max");
        figures.push(figure(&of, "ms", median_p99_max(&spread), ""));
    }
    figures.push(figure(", devices that did not get in", "", Value::Number(visited.lost() as f64), "0"));

    let meter = Meter::start(server.process())?;
    let mut alone = Vec::new();
    for device in devices.iter().cycle().take(ALONE as usize) {
        let since = Instant::now();
        let (client, _) = Client::connect(server.address(), device, ConnectOptions::default()).await?;
        alone.push(since.elapsed());
        client.leave().await?;
    }
    let cost = Value::Number(meter.milliseconds_each(ALONE)?);
    let of = ", handshake when nobody else connects: median / p99 / max";
    figures.push(figure(of, "ms", median_p99_max(&alone.into_iter().collect()), ""));
    figures.push(figure(", server CPU for such a handshake", "ms", cost, "as with an empty one"));
    Ok(figures)
}

/// How long after `since` a device is refused that tries again and again.
async fn refused(server: &Server, victim: &Identity, since: Instant) -> Duration {
    loop {
        match Client::connect(server.address(), victim, ConnectOptions::default()).await {
            // No answer is no refusal.
            Err(Lost::Silence) => {}
            Err(_) => return since.elapsed(),
            Ok((client, _)) => {
                // The server may be faster.
                let _ = client.leave().await;
            }
        }
        sleep(TRY_EVERY).await;
    }
}
