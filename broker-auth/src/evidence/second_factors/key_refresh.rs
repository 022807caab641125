//! [`KeyRefresh`]: the key set of an issuer, fetched out of turn for a token whose key is not in it.

use std::pin::Pin;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};

/// How often a key set is fetched out of turn at most, whoever asks and however often.
const INTERVAL: Duration = Duration::from_secs(60);

/// How long a client waits for it: half of what a password may wait for its turn, since clients give up after a while.
const PATIENCE: Duration = Duration::from_secs(10);

/// Clients that may wait for it at once; others try again later.
const MAX_WAITING: usize = 1_000;

/// The port to whoever fetches key sets.
pub(crate) trait FetchKeys: Send + Sync {
    /// Has the key set at `url` fetched now, and put into its file. Ends when that was tried.
    fn fetch<'a>(&'a self, url: &'a str) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}

/// Fetches out of turn: one at a time, one a minute.
pub(super) struct KeyRefresh {
    last: Mutex<Option<Refresh>>,
    waiting: Semaphore,
}

/// Too many clients wait already.
pub(super) struct TooManyWait;

struct Refresh {
    begun: Instant,
    /// Closed when it has ended.
    ended: watch::Receiver<()>,
}

impl Default for KeyRefresh {
    fn default() -> Self {
        Self { last: Mutex::default(), waiting: Semaphore::new(MAX_WAITING) }
    }
}

impl Refresh {
    fn has_ended(&self) -> bool {
        self.ended.has_changed().is_err()
    }
}

impl KeyRefresh {
    /// Waits, for a while, until a fetch that is on its way has ended; begins one by `fetch` if there was none within the last
    /// minute. It goes on when those who wait for it are gone.
    pub(super) async fn wait<F>(&self, fetch: impl FnOnce() -> F) -> Result<(), TooManyWait>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut ended = {
            let mut last = self.last.lock();
            match &*last {
                Some(refresh) if !refresh.has_ended() => refresh.ended.clone(),
                Some(refresh) if refresh.begun.elapsed() < INTERVAL => return Ok(()),
                _ => {
                    let (going_on, ended) = watch::channel(());
                    let fetching = fetch();
                    tokio::spawn(async move {
                        fetching.await;
                        drop(going_on);
                    });
                    *last = Some(Refresh { begun: Instant::now(), ended: ended.clone() });
                    ended
                }
            }
        };
        let _waiting = self.waiting.try_acquire().map_err(|_| TooManyWait)?;
        // Whoever is not waited for any longer is judged by what is there.
        let _ = timeout(PATIENCE, ended.changed()).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::task::JoinSet;
    use tokio::time::sleep;

    use super::*;

    /// A refresh, and how many fetches it has begun, each of which takes so long.
    fn refresh(takes: Duration) -> (Arc<KeyRefresh>, Arc<AtomicUsize>, impl Fn() -> WaitFuture + Clone) {
        let (refresh, begun) = (Arc::new(KeyRefresh::default()), Arc::new(AtomicUsize::new(0)));
        let (waited_for, count) = (Arc::clone(&refresh), Arc::clone(&begun));
        let wait = move || -> WaitFuture {
            let (refresh, count) = (Arc::clone(&waited_for), Arc::clone(&count));
            Box::pin(async move {
                let fetch = || {
                    count.fetch_add(1, Ordering::SeqCst);
                    sleep(takes)
                };
                refresh.wait(fetch).await.is_ok()
            })
        };
        (refresh, begun, wait)
    }

    type WaitFuture = Pin<Box<dyn Future<Output = bool> + Send>>;

    #[tokio::test(start_paused = true)]
    async fn many_at_once_cause_one_fetch_and_wait_for_it() {
        let (_, begun, wait) = refresh(Duration::from_secs(3));
        let start = Instant::now();
        let mut waiting: JoinSet<_> = (0..50).map(|_| wait()).collect();
        while let Some(waited) = waiting.join_next().await {
            assert!(waited.expect("no panic"));
        }
        assert_eq!((begun.load(Ordering::SeqCst), start.elapsed().as_secs()), (1, 3));
        // For the rest of the minute nobody waits.
        sleep(Duration::from_secs(56)).await;
        assert!(wait().await);
        assert_eq!((begun.load(Ordering::SeqCst), start.elapsed().as_secs()), (1, 59));
        sleep(Duration::from_secs(1)).await;
        assert!(wait().await);
        assert_eq!((begun.load(Ordering::SeqCst), start.elapsed().as_secs()), (2, 63));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetch_that_hangs_is_waited_for_a_while_and_not_begun_twice() {
        let (_, begun, wait) = refresh(Duration::from_secs(200));
        let start = Instant::now();
        for round in 1..=7 {
            assert!(wait().await);
            assert_eq!((begun.load(Ordering::SeqCst), start.elapsed().as_secs()), (1, 10 * round));
        }
        sleep(Duration::from_secs(131)).await;
        assert!(wait().await);
        assert_eq!(begun.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_when_whoever_caused_it_is_gone() {
        let (_, begun, wait) = refresh(Duration::from_secs(3));
        let start = Instant::now();
        drop(timeout(Duration::from_secs(1), wait()).await);
        assert!(wait().await);
        assert_eq!((begun.load(Ordering::SeqCst), start.elapsed().as_secs()), (1, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_a_thousand_wait() {
        let (_, begun, wait) = refresh(Duration::from_secs(3));
        let waited: Vec<_> = {
            let waiting: JoinSet<_> = (0..=MAX_WAITING).map(|_| wait()).collect();
            waiting.join_all().await
        };
        assert_eq!(waited.iter().filter(|waited| **waited).count(), MAX_WAITING);
        assert_eq!(begun.load(Ordering::SeqCst), 1);
    }
}
