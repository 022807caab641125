//! [`ListFetches`]: revocation lists that are fetched by URL.
//!
//! Each has a task of its own, which asks its server now and then and puts what it gets into the list's file. From there it
//! is read like any file: whether it is the right CA's and newer than the one in force is judged by whoever reads it.
//! Nothing waits for a server but the start of the broker and a reload, and those not for long.

mod cached_file;
mod list_fetch;
mod schedule;

use std::sync::Arc;
use std::time::Duration;

use fetch::Fetcher;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::clock::Clock;
use crate::config::{FetchConfig, FetchedList};
pub(crate) use list_fetch::FetchReport;
use list_fetch::{Fetching, ListFetch};

/// The lists that are fetched while the broker runs.
#[derive(Debug)]
pub(crate) struct ListFetches {
    fetching: Arc<Fetching>,
    /// Where the fetching is done.
    threads: Handle,
    followed: Mutex<Vec<Followed>>,
}

/// A list that is fetched; it no longer is when this is dropped.
#[derive(Debug)]
struct Followed {
    fetch: Arc<ListFetch>,
    task: AbortHandle,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ListFetches {
    /// Fetches nothing yet; `threads` is where it will.
    pub(crate) fn new(
        fetcher: Fetcher,
        config: &FetchConfig,
        clock: Arc<dyn Clock>,
        threads: Handle,
    ) -> Self {
        let (bounds, interval) = (config.bounds, config.interval);
        let fetching = Arc::new(Fetching { fetcher, bounds, interval, clock });
        Self { fetching, threads, followed: Mutex::default() }
    }

    /// Fetches these lists from now on, and no others. A new one is fetched at once.
    pub(crate) fn follow(&self, lists: &[FetchedList]) {
        let mut followed = self.followed.lock();
        followed.retain(|followed| lists.contains(followed.fetch.list()));
        for list in lists {
            if followed.iter().any(|followed| followed.fetch.list() == list) {
                continue;
            }
            let fetch = Arc::new(ListFetch::new(list.clone(), Arc::clone(&self.fetching)));
            let task = self.threads.spawn(Arc::clone(&fetch).run()).abort_handle();
            followed.push(Followed { fetch, task });
        }
    }

    /// Fetches every list anew, and waits for that, but no longer than `patience`. What takes longer is done later.
    pub(crate) async fn fetch_all(&self, patience: Duration) {
        let fetches: Vec<_> =
            self.followed.lock().iter().map(|followed| Arc::clone(&followed.fetch)).collect();
        let attempts: Vec<_> = fetches.iter().map(|fetch| fetch.hurry()).collect();
        let all = async {
            for attempt in attempts {
                attempt.await;
            }
        };
        // A list that is not there in time is missed by whoever reads its file.
        let _ = timeout(patience, all).await;
    }

    /// The same for a thread that may wait.
    pub(crate) fn fetch_all_blocking(&self, patience: Duration) {
        self.threads.block_on(self.fetch_all(patience));
    }

    /// How it stands with each list.
    pub(crate) fn reports(&self) -> Vec<FetchReport> {
        self.followed.lock().iter().map(|followed| followed.fetch.report()).collect()
    }
}
