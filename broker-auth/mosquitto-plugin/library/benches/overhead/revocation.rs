//! From the moment a CRL lies there until the sessions that it ends are closed, and how another fares meanwhile.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use load::client::{Client, ConnectOptions, Lost};
use load::packet::{PINGREQ, Packet};
use load::site::{Identity, Site};
use load::spread::Spread;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout_at};

use crate::Scale;
use crate::broker::Broker;
use crate::connects;
use crate::table::{Goal, Table};

/// So many are revoked by each list.
const VICTIMS: usize = 50;

/// What has closed nothing by then closes nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two lists, and between two pings of the one that stays.
const BETWEEN: Duration = Duration::from_millis(700);
const PING_EVERY: Duration = Duration::from_millis(2);

/// Enters p50 and p99, and the longest that one which stays had to wait.
pub(crate) async fn measure(
    broker: &Broker,
    site: &Site,
    serials: u64,
    list: &str,
    scale: Scale,
    table: &mut Table,
) -> Result<(), Box<dyn Error>> {
    let lists = if serials > 1_000 { scale.of(8) } else { scale.of(20) } as usize;
    let devices = site.devices(0..(lists * VICTIMS) as u64);
    let mut clients = connects::all(broker, &devices).await?.into_iter();
    let stop = Arc::new(AtomicBool::new(false));
    let (pinging, _) = Client::connect(broker.address(), &site.service(0), ConnectOptions::default()).await?;
    let pinging = tokio::spawn(ping(pinging, Arc::clone(&stop)));
    let mut closed = Vec::new();
    for number in 1..=lists {
        let revoked: Vec<&Identity> = devices[..number * VICTIMS].iter().collect();
        let staged = site.stage(serials, &revoked)?;
        let victims: Vec<Client> = clients.by_ref().take(VICTIMS).collect();
        let since = Instant::now();
        staged.publish()?;
        broker.look_at_crl()?;
        let mut ends = JoinSet::new();
        for victim in victims {
            ends.spawn(end(victim, since));
        }
        let ends = ends.join_all().await;
        let none = ends.iter().all(Option::is_none);
        closed.extend(ends);
        if none {
            break;
        }
        sleep(BETWEEN).await;
    }
    stop.store(true, Ordering::Relaxed);
    let longest = pinging.await??.as_secs_f64() * 1e3;
    let all = closed.iter().all(Option::is_some);
    let closed: Spread = closed.into_iter().flatten().collect();
    for (name, share, goal) in [("p50", 0.5, Goal::None), ("p99", 0.99, Goal::Below(1_000.0))] {
        let value = all.then(|| closed.quantile(share).as_secs_f64() * 1e3);
        table.enter(
            &format!("{list}: a longer one there → closed, {name}"),
            "ms",
            goal,
            broker.kind(),
            value,
        );
    }
    let what = format!("{list}: the longest that another's PINGREQ waited meanwhile");
    table.enter(&what, "ms", Goal::None, broker.kind(), Some(longest));
    site.stage(serials, &[])?.publish()?;
    Ok(())
}

/// When the server ended it: DISCONNECT, or the end of the connection.
async fn end(mut client: Client, since: Instant) -> Option<Duration> {
    let deadline = tokio::time::Instant::from_std(since + PATIENCE);
    loop {
        match timeout_at(deadline, client.hear()).await {
            Err(_) => return None,
            Ok(Ok(Packet::Disconnect(_)) | Err(_)) => return Some(since.elapsed()),
            Ok(Ok(_)) => {}
        }
    }
}

/// The longest that an answer took, until it is told to stop.
async fn ping(mut client: Client, stop: Arc<AtomicBool>) -> Result<Duration, Lost> {
    let mut longest = Duration::ZERO;
    while !stop.load(Ordering::Relaxed) {
        let since = Instant::now();
        client.send(&PINGREQ).await?;
        client.answer().await?;
        longest = longest.max(since.elapsed());
        sleep(PING_EVERY).await;
    }
    Ok(longest)
}
