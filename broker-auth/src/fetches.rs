//! [`Fetches`]: files that are fetched by URL: revocation lists, and the key set of an issuer of tokens.
//!
//! Each has a task of its own, which asks its server now and then and puts what it gets into the file. From there it is read
//! like any file: whether a list is the right CA's and newer than the one in force, and which keys a set has, is judged by
//! whoever reads it. Nothing waits for a server but the start of the broker, a reload, and clients whose token is signed by
//! a key that is not there, and those not for long.

mod body;
mod cached_file;
mod error;
mod file_fetch;
mod schedule;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use broker_rules::clock::Clock;
use fetch::Fetcher;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::config::{FetchConfig, FetchedFile, FetchedKind};
use crate::evidence::FetchKeys;
pub(crate) use file_fetch::FetchReport;
use file_fetch::{Fetching, FileFetch};

/// The files that are fetched while the broker runs.
#[derive(Debug)]
pub(crate) struct Fetches {
    fetching: Arc<Fetching>,
    /// Where the fetching is done.
    threads: Handle,
    followed: Mutex<Vec<Followed>>,
}

/// A file that is fetched; it no longer is when this is dropped.
#[derive(Debug)]
struct Followed {
    fetch: Arc<FileFetch>,
    task: AbortHandle,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fetches {
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

    /// Fetches these files from now on, and no others. A new one is fetched at once.
    pub(crate) fn follow(&self, files: &[FetchedFile]) {
        let mut followed = self.followed.lock();
        followed.retain(|followed| files.contains(followed.fetch.file()));
        for file in files {
            if followed.iter().any(|followed| followed.fetch.file() == file) {
                continue;
            }
            let fetch = Arc::new(FileFetch::new(file.clone(), Arc::clone(&self.fetching)));
            let task = self.threads.spawn(Arc::clone(&fetch).run()).abort_handle();
            followed.push(Followed { fetch, task });
        }
    }

    /// Fetches every file anew, and waits for that, but no longer than `patience`. What takes longer is done later.
    pub(crate) async fn fetch_all(&self, patience: Duration) {
        let fetches: Vec<_> =
            self.followed.lock().iter().map(|followed| Arc::clone(&followed.fetch)).collect();
        let attempts: Vec<_> = fetches.iter().map(|fetch| fetch.hurry()).collect();
        let all = async {
            for attempt in attempts {
                attempt.await;
            }
        };
        // A file that is not there in time is missed by whoever reads it.
        let _ = timeout(patience, all).await;
    }

    /// The same for a thread that may wait.
    pub(crate) fn fetch_all_blocking(&self, patience: Duration) {
        self.threads.block_on(self.fetch_all(patience));
    }

    /// How it stands with each file.
    pub(crate) fn reports(&self) -> Vec<FetchReport> {
        self.followed.lock().iter().map(|followed| followed.fetch.report()).collect()
    }
}

impl FetchKeys for Fetches {
    fn fetch<'a>(&'a self, url: &'a str) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        let attempt = {
            let followed = self.followed.lock();
            let is_of = |file: &FetchedFile| file.kind == FetchedKind::KeySet && file.url.as_str() == url;
            followed.iter().find(|followed| is_of(followed.fetch.file())).map(|found| found.fetch.hurry())
        };
        Box::pin(async move {
            // A key set that is not fetched any more is nobody's.
            if let Some(attempt) = attempt {
                attempt.await;
            }
        })
    }
}
