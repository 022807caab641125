//! [`ListFetch`]: one list that is fetched.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use authenticator::certificate::Fingerprint;
use authenticator::trust::{CrlFault, unverified_next_update};
use fetch::{Bounds, FetchError, Fetched, Fetcher, Validators};
use parking_lot::Mutex;
use ring::rand::{SecureRandom, SystemRandom};
use rustls_pki_types::UnixTime;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::cached_file::CachedFile;
use super::schedule::Schedule;
use crate::clock::Clock;
use crate::config::FetchedList;

/// What all lists are fetched with.
#[derive(Debug)]
pub(super) struct Fetching {
    pub(super) fetcher: Fetcher,
    pub(super) bounds: Bounds,
    pub(super) interval: Duration,
    pub(super) clock: Arc<dyn Clock>,
}

/// One list that is fetched.
#[derive(Debug)]
pub(super) struct ListFetch {
    list: FetchedList,
    fetching: Arc<Fetching>,
    progress: Mutex<Progress>,
    attempts: watch::Sender<Attempts>,
    hurry: Notify,
}

/// How it stands with a list.
#[derive(Clone, Debug)]
pub(crate) struct FetchReport {
    pub(crate) url: String,
    pub(crate) file: PathBuf,
    /// When the server last sent it, or said that it is still the same.
    pub(crate) fetched_at: Option<UnixTime>,
    /// Why it was not fetched the last time.
    pub(crate) refused: Option<String>,
    /// How often in a row it was not.
    pub(crate) failures: u32,
    /// When the server is asked next.
    pub(crate) next: UnixTime,
}

#[derive(Debug)]
struct Progress {
    schedule: Schedule,
    fetched_at: Option<UnixTime>,
    refused: Option<String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Attempts {
    begun: u64,
    ended: u64,
}

/// What the server sent last, as long as the file still has it.
#[derive(Debug)]
struct Known {
    digest: Fingerprint,
    validators: Validators,
    next_update: UnixTime,
}

/// A list that is there, whether it came now or was there before.
struct Current {
    next_update: UnixTime,
    max_age: Option<Duration>,
}

/// Why the file of a list is still as it was.
#[derive(Debug, thiserror::Error)]
enum ListFetchError {
    /// The server sends nothing.
    #[error("{0}; {help}", help = .0.fault.help())]
    Fetch(Box<FetchError>),
    /// What it sends is no list.
    #[error("{url}: it sends no revocation list that could be used: {fault}")]
    NotAList { url: String, fault: CrlFault },
    /// It cannot be kept.
    #[error("{url}: it cannot be kept in {}: {source}", file.display())]
    Keep { url: String, file: PathBuf, source: io::Error },
    /// The server says that a list has not changed which is not there.
    #[error("{url}: it says that its list has not changed, and there is none here")]
    NothingToKeep { url: String },
    /// Its threads end.
    #[error("the broker stops")]
    Stopped,
}

impl ListFetch {
    /// A list that is due at once.
    pub(super) fn new(list: FetchedList, fetching: Arc<Fetching>) -> Self {
        let schedule = Schedule::new(fetching.interval, Instant::now());
        let progress = Mutex::new(Progress { schedule, fetched_at: None, refused: None });
        Self { list, fetching, progress, attempts: watch::Sender::default(), hurry: Notify::new() }
    }

    pub(super) fn list(&self) -> &FetchedList {
        &self.list
    }

    /// Fetches it whenever it is due. Runs until it is dropped.
    pub(super) async fn run(self: Arc<Self>) {
        let mut known = None;
        loop {
            let due = self.progress.lock().schedule.due();
            tokio::select! {
                () = sleep_until(due) => {}
                () = self.hurry.notified() => {}
            }
            self.attempts.send_modify(|attempts| attempts.begun += 1);
            let outcome = self.attempt(&mut known).await;
            self.note(outcome);
            self.attempts.send_modify(|attempts| attempts.ended += 1);
        }
    }

    /// Has it fetched now; what is returned waits for an attempt that has not begun yet.
    pub(super) fn hurry(&self) -> impl Future<Output = ()> + use<> {
        let mut attempts = self.attempts.subscribe();
        let begun = attempts.borrow_and_update().begun;
        // The first attempt comes by itself.
        if begun > 0 {
            self.hurry.notify_one();
        }
        async move {
            // It is dropped with its list, and nobody waits for that any more.
            let _ = attempts.wait_for(|attempts| attempts.ended > begun).await;
        }
    }

    pub(super) fn report(&self) -> FetchReport {
        let progress = self.progress.lock();
        let left = progress.schedule.due().saturating_duration_since(Instant::now());
        let now = self.fetching.clock.now().as_secs();
        FetchReport {
            url: self.list.url.to_string(),
            file: self.list.file.clone(),
            fetched_at: progress.fetched_at,
            refused: progress.refused.clone(),
            failures: progress.schedule.failures(),
            next: UnixTime::since_unix_epoch(Duration::from_secs(now.saturating_add(left.as_secs()))),
        }
    }

    async fn attempt(&self, known: &mut Option<Known>) -> Result<Current, ListFetchError> {
        let Fetching { fetcher, bounds, .. } = &*self.fetching;
        let url = &self.list.url;
        let file = CachedFile::at(&self.list.file);
        let held = blocking(move || file.digest()).await?;
        // "Not modified" is of use only while the file is what the server sent.
        if known.as_ref().map(|known| known.digest) != held {
            *known = None;
        }
        let validators = known.as_ref().map(|known| known.validators.clone()).unwrap_or_default();
        let fetched = fetcher.get(url, &validators, bounds).await;
        match (fetched.map_err(|error| ListFetchError::Fetch(Box::new(error)))?, &known) {
            (Fetched::NotModified { max_age }, Some(known)) => {
                Ok(Current { next_update: known.next_update, max_age })
            }
            // Without validators the fetcher refuses such an answer itself.
            (Fetched::NotModified { .. }, None) => {
                Err(ListFetchError::NothingToKeep { url: url.to_string() })
            }
            (Fetched::Body { bytes, validators, max_age }, _) => {
                let list = self.list.clone();
                let (digest, next_update) = blocking(move || keep(&list, &bytes, held)).await??;
                *known = Some(Known { digest, validators, next_update });
                Ok(Current { next_update, max_age })
            }
        }
    }

    fn note(&self, outcome: Result<Current, ListFetchError>) {
        let (time, now, random) = (self.fetching.clock.now(), Instant::now(), random());
        let mut progress = self.progress.lock();
        match outcome {
            Ok(Current { next_update, max_age }) => {
                if progress.refused.take().is_some() {
                    tracing::info!(url = %self.list.url, "the revocation list is fetched again");
                }
                progress.fetched_at = Some(time);
                let left = next_update.as_secs().saturating_sub(time.as_secs());
                progress.schedule.succeeded(now, max_age, Some(Duration::from_secs(left)), random);
            }
            Err(error) => {
                let error = error.to_string();
                tracing::error!("a revocation list is not fetched, the present one stays in force: {error}");
                progress.refused = Some(error);
                progress.schedule.failed(now, random);
            }
        }
    }
}

/// Puts a list into its file, unless that has it already. Returns its digest, and when it is due to be replaced.
fn keep(
    list: &FetchedList,
    bytes: &[u8],
    held: Option<Fingerprint>,
) -> Result<(Fingerprint, UnixTime), ListFetchError> {
    let FetchedList { url, file } = list;
    let digest = Fingerprint::of(bytes);
    let next_update = unverified_next_update(bytes)
        .map_err(|fault| ListFetchError::NotAList { url: url.to_string(), fault })?;
    if held != Some(digest) {
        CachedFile::at(file).replace(bytes).map_err(|source| {
            let (url, file) = (url.to_string(), file.clone());
            ListFetchError::Keep { url, file, source }
        })?;
        tracing::info!(%url, bytes = bytes.len(), "a revocation list was fetched");
    }
    Ok((digest, next_update))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ListFetchError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| ListFetchError::Stopped)
}

/// Any number. Without one, brokers that started together ask together.
fn random() -> u32 {
    let mut octets = [0; 4];
    SystemRandom::new().fill(&mut octets).map_or(u32::MAX / 2, |()| u32::from_be_bytes(octets))
}
