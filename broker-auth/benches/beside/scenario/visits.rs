//! [`Visits`]: devices that connect and leave, so many in a second, however long the server takes.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use load::client::{Client, ConnectOptions};
use load::site::Identity;
use load::spread::Spread;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Visits that go on until they are finished. Each is measured from the moment at which it was due: whoever comes while the
/// server is busy with something else waits, and that counts.
pub(super) struct Visits {
    done: Arc<Mutex<Vec<Visit>>>,
    coming: JoinHandle<JoinSet<()>>,
    over: Arc<tokio::sync::Notify>,
}

#[derive(Clone, Copy)]
struct Visit {
    due: Instant,
    /// Until it was let in; `None`: it was not.
    took: Option<Duration>,
}

impl Visits {
    /// From now on `per_second` devices come, by turns.
    pub(super) fn start(server: SocketAddr, devices: Vec<Identity>, per_second: u32) -> Self {
        let done = Arc::new(Mutex::default());
        let over = Arc::new(tokio::sync::Notify::new());
        let coming = tokio::spawn(come(server, devices, per_second, Arc::clone(&done), Arc::clone(&over)));
        Self { done, coming, over }
    }

    /// Ends them, and waits until those that have come are in, or `patience` is over; what became of them.
    pub(super) async fn finish(self, patience: Duration) -> Result<Visited, tokio::task::JoinError> {
        self.over.notify_one();
        let mut visits = self.coming.await?;
        // Whoever is not in by then counts as one that was not let in.
        let _ = timeout(patience, async { while visits.join_next().await.is_some() {} }).await;
        let unfinished = visits.len();
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Visited { done, unfinished })
    }
}

/// What became of visits.
pub(super) struct Visited {
    done: Vec<Visit>,
    unfinished: usize,
}

impl Visited {
    /// How long those took that were due between two moments, and were let in.
    pub(super) fn between(&self, from: Instant, to: Instant) -> Spread {
        self.done
            .iter()
            .filter(|visit| (from..to).contains(&visit.due))
            .filter_map(|visit| visit.took)
            .collect()
    }

    /// How many were not let in.
    pub(super) fn lost(&self) -> usize {
        self.unfinished + self.done.iter().filter(|visit| visit.took.is_none()).count()
    }
}

async fn come(
    server: SocketAddr,
    devices: Vec<Identity>,
    per_second: u32,
    done: Arc<Mutex<Vec<Visit>>>,
    over: Arc<tokio::sync::Notify>,
) -> JoinSet<()> {
    let mut visits = JoinSet::new();
    let mut ticks = interval(Duration::from_secs(1) / per_second.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for device in devices.into_iter().cycle() {
        let due = tokio::select! {
            due = ticks.tick() => due.into_std(),
            () = over.notified() => break,
        };
        let done = Arc::clone(&done);
        visits.spawn(async move {
            let connected = Client::connect(server, &device, ConnectOptions::default()).await;
            let took = connected.is_ok().then(|| due.elapsed());
            done.lock().unwrap_or_else(PoisonError::into_inner).push(Visit { due, took });
            if let Ok((client, _)) = connected {
                // The server may be faster.
                let _ = client.leave().await;
            }
        });
        while visits.try_join_next().is_some() {}
    }
    visits
}
