//! [`FileFetch`]: one file that is fetched.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use authenticator::certificate::Fingerprint;
use broker_rules::clock::Clock;
use fetch::{Bounds, FetchError, FetchFault, Fetched, Fetcher, Validators};
use parking_lot::Mutex;
use ring::rand::{SecureRandom, SystemRandom};
use rustls_pki_types::UnixTime;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::body::{bounds_of, judge_body};
use super::cached_file::CachedFile;
use super::error::FileFetchError;
use super::schedule::Schedule;
use crate::config::{FetchedFile, FetchedKind};

/// What all files are fetched with.
#[derive(Debug)]
pub(super) struct Fetching {
    pub(super) fetcher: Fetcher,
    pub(super) bounds: Bounds,
    pub(super) interval: Duration,
    pub(super) clock: Arc<dyn Clock>,
}

/// One file that is fetched.
#[derive(Debug)]
pub(super) struct FileFetch {
    file: FetchedFile,
    fetching: Arc<Fetching>,
    progress: Mutex<Progress>,
    attempts: watch::Sender<Attempts>,
    hurry: Notify,
}

/// How it stands with a file.
#[derive(Clone, Debug)]
pub(crate) struct FetchReport {
    pub(crate) kind: FetchedKind,
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
    next_update: Option<UnixTime>,
}

/// A file that is there, whether it came now or was there before.
struct Current {
    next_update: Option<UnixTime>,
    max_age: Option<Duration>,
}

impl FileFetch {
    /// A file that is due at once.
    pub(super) fn new(file: FetchedFile, fetching: Arc<Fetching>) -> Self {
        if file.kind == FetchedKind::KeySet
            && let Err(error) = CachedFile::at(&file.path).confirm_no_later_than(fetching.clock.now())
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(file = %file.path.display(), %error, "how old the key set is cannot be kept");
        }
        let schedule = Schedule::new(fetching.interval, Instant::now());
        let progress = Mutex::new(Progress { schedule, fetched_at: None, refused: None });
        Self { file, fetching, progress, attempts: watch::Sender::default(), hurry: Notify::new() }
    }

    pub(super) fn file(&self) -> &FetchedFile {
        &self.file
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

    /// Has it fetched now; what is returned waits for an attempt that has not begun yet, or for the first.
    pub(super) fn hurry(&self) -> impl Future<Output = ()> + use<> {
        let mut attempts = self.attempts.subscribe();
        let Attempts { begun, ended } = *attempts.borrow_and_update();
        // The first attempt comes by itself, and what it brings is new.
        let before = if ended == 0 { 0 } else { begun };
        if ended > 0 {
            self.hurry.notify_one();
        }
        async move {
            // It is dropped with its file, and nobody waits for that any more.
            let _ = attempts.wait_for(|attempts| attempts.ended > before).await;
        }
    }

    pub(super) fn report(&self) -> FetchReport {
        let progress = self.progress.lock();
        let left = progress.schedule.due().saturating_duration_since(Instant::now());
        let now = self.fetching.clock.now().as_secs();
        FetchReport {
            kind: self.file.kind,
            url: self.file.url.to_string(),
            file: self.file.path.clone(),
            fetched_at: progress.fetched_at,
            refused: progress.refused.clone(),
            failures: progress.schedule.failures(),
            next: UnixTime::since_unix_epoch(Duration::from_secs(now.saturating_add(left.as_secs()))),
        }
    }

    async fn attempt(&self, known: &mut Option<Known>) -> Result<Current, FileFetchError> {
        let Fetching { fetcher, bounds, clock, .. } = &*self.fetching;
        let FetchedFile { kind, url, path } = &self.file;
        let (kind, bounds) = (*kind, bounds_of(*kind, *bounds));
        let file = CachedFile::at(path);
        let held = blocking(move || file.digest()).await?;
        // "Not modified" is of use only while the file is what the server sent.
        if known.as_ref().map(|known| known.digest) != held {
            *known = None;
        }
        let validators = known.as_ref().map(|known| known.validators.clone()).unwrap_or_default();
        let fetched = fetcher.get(url, &validators, &bounds).await;
        match (fetched.map_err(|error| self.not_fetched(error))?, &known) {
            (Fetched::NotModified { max_age }, Some(known)) => {
                let (file, now) = (self.file.clone(), clock.now());
                blocking(move || confirm(&file, now)).await??;
                Ok(Current { next_update: known.next_update, max_age })
            }
            // Without validators the fetcher refuses such an answer itself.
            (Fetched::NotModified { .. }, None) => {
                Err(FileFetchError::NothingToKeep { url: url.to_string(), kind })
            }
            (Fetched::Body { bytes, validators, max_age }, _) => {
                let (file, now) = (self.file.clone(), clock.now());
                let (digest, next_update) = blocking(move || keep(&file, &bytes, held, now)).await??;
                *known = Some(Known { digest, validators, next_update });
                Ok(Current { next_update, max_age })
            }
        }
    }

    fn not_fetched(&self, error: FetchError) -> FileFetchError {
        let (kind, configured) = (self.file.kind, self.fetching.bounds.max_bytes);
        match error.fault {
            // Another limit in the configuration would not help.
            FetchFault::TooLong { max_bytes } if max_bytes < configured => {
                FileFetchError::TooLong { url: error.url.to_string(), kind, max_bytes }
            }
            _ => FileFetchError::Fetch(Box::new(error)),
        }
    }

    fn note(&self, outcome: Result<Current, FileFetchError>) {
        let (time, now, random) = (self.fetching.clock.now(), Instant::now(), random());
        let (kind, mut progress) = (self.file.kind, self.progress.lock());
        match outcome {
            Ok(Current { next_update, max_age }) => {
                if progress.refused.take().is_some() {
                    tracing::info!(url = %self.file.url, "the {kind} is fetched again");
                }
                progress.fetched_at = Some(time);
                let left = next_update.map(|next| next.as_secs().saturating_sub(time.as_secs()));
                progress.schedule.succeeded(now, max_age, left.map(Duration::from_secs), random);
            }
            Err(error) => {
                let error = error.to_string();
                tracing::error!("a {kind} is not fetched, the present one stays in force: {error}");
                progress.refused = Some(error);
                progress.schedule.failed(now, random);
            }
        }
    }
}

/// Puts what was fetched at `now` into its file, unless that has it already. Returns its digest, and when it is due to be
/// replaced.
fn keep(
    file: &FetchedFile,
    bytes: &[u8],
    held: Option<Fingerprint>,
    now: UnixTime,
) -> Result<(Fingerprint, Option<UnixTime>), FileFetchError> {
    let FetchedFile { kind, url, path } = file;
    let digest = Fingerprint::of(bytes);
    let next_update = judge_body(*kind, bytes).map_err(|fault| FileFetchError::Unusable {
        url: url.to_string(),
        kind: *kind,
        fault,
    })?;
    if held != Some(digest) {
        CachedFile::at(path).replace(bytes).map_err(not_kept(file))?;
        tracing::info!(%url, bytes = bytes.len(), "a {kind} was fetched");
    }
    confirm(file, now)?;
    Ok((digest, next_update))
}

/// Notes when a key set was confirmed. A list says itself how long it is good, and one that is large is not worth being read
/// again.
fn confirm(file: &FetchedFile, now: UnixTime) -> Result<(), FileFetchError> {
    match file.kind {
        FetchedKind::RevocationList => Ok(()),
        FetchedKind::KeySet => CachedFile::at(&file.path).confirm(now).map_err(not_kept(file)),
    }
}

fn not_kept(file: &FetchedFile) -> impl FnOnce(io::Error) -> FileFetchError {
    let (url, file) = (file.url.to_string(), file.path.clone());
    |source| FileFetchError::Keep { url, file, source }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, FileFetchError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| FileFetchError::Stopped)
}

/// Any number. Without one, brokers that started together ask together.
fn random() -> u32 {
    let mut octets = [0; 4];
    SystemRandom::new().fill(&mut octets).map_or(u32::MAX / 2, |()| u32::from_be_bytes(octets))
}
