//! [`FileWatch`]: looks at the files behind the rules, beside mosquitto's thread.
//!
//! A list of a million serial numbers takes a second to verify. mosquitto's only thread would carry no message meanwhile.
//! But a second thread makes each message some per cent dearer, even an idle one (measured; the two share their
//! descriptors, which the kernel counts at each system call). So a thread is there for one look, and ends with it.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use broker_rules::watch::{FactorsWatch, Happened, RulesWatch, WATCH_INTERVAL};
use parking_lot::Mutex;

/// Looks at the files behind the rules ten times a second, and puts in force what is new, until it is dropped.
pub(crate) struct FileWatch {
    watches: Arc<Watches>,
    happened: Receiver<Happened>,
    /// Dropped to end the thread that looks until mosquitto ticks.
    until_ticks: Option<Sender<()>>,
    /// The thread that looks, or has.
    thread: Option<JoinHandle<()>>,
    next_look: Instant,
}

/// The look was ended by a fault, or there was no thread for it.
pub(crate) struct Ended;

struct Watches {
    watches: Mutex<(RulesWatch, FactorsWatch)>,
    tell: Sender<Happened>,
}

impl Watches {
    fn look(&self) {
        let (rules, factors) = &mut *self.watches.lock();
        for news in rules.look().into_iter().chain(factors.look()) {
            // Whoever is no longer told is about to end this thread, too.
            let _ = self.tell.send(news);
        }
    }
}

impl FileWatch {
    /// Looks for the first time after `pause`. Until [`news`](Self::news) are asked for, a thread looks by itself: where
    /// mosquitto's configuration keeps it from ticking, a revocation comes into force all the same.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn start(rules: RulesWatch, factors: FactorsWatch, mut pause: Duration) -> io::Result<Self> {
        let (tell, happened) = channel();
        let (until_ticks, ticking) = channel::<()>();
        let watches = Arc::new(Watches { watches: Mutex::new((rules, factors)), tell });
        let next_look = Instant::now() + pause;
        let looking = Arc::clone(&watches);
        let thread = on_a_thread(move || {
            while matches!(ticking.recv_timeout(pause), Err(RecvTimeoutError::Timeout)) {
                looking.look();
                pause = WATCH_INTERVAL;
            }
        })?;
        Ok(Self { watches, happened, until_ticks: Some(until_ticks), thread: Some(thread), next_look })
    }

    /// What has happened since this was asked last. Does not wait, and begins the next look when it is due.
    pub(crate) fn news(&mut self) -> Result<Vec<Happened>, Ended> {
        self.until_ticks = None;
        if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
            if let Some(thread) = self.thread.take() {
                thread.join().map_err(|_| Ended)?;
            }
            let now = Instant::now();
            if now >= self.next_look {
                self.next_look = now + WATCH_INTERVAL;
                let watches = Arc::clone(&self.watches);
                self.thread = Some(on_a_thread(move || watches.look()).map_err(|_| Ended)?);
            }
        }
        Ok(self.happened.try_iter().collect())
    }
}

fn on_a_thread(act: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name("countersign-files".to_owned()).spawn(act)
}

/// Waits for the thread: no code of the library may run once mosquitto has let go of it.
impl Drop for FileWatch {
    fn drop(&mut self) {
        self.until_ticks = None;
        if let Some(thread) = self.thread.take() {
            // A fault of it was told by [`news`](Self::news).
            let _ = thread.join();
        }
    }
}
