//! [`FileWatch`]: looks at the files behind the rules, on a thread of its own.
//!
//! A list of a million serial numbers takes a second to verify. mosquitto's only thread would carry no message meanwhile.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use broker_rules::watch::{FactorsWatch, Happened, RulesWatch, WATCH_INTERVAL};

/// Looks at the files behind the rules ten times a second, and puts in force what is new, until it is dropped.
pub(crate) struct FileWatch {
    happened: Receiver<Happened>,
    /// Dropped to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The thread has ended by a fault: nobody looks at the files.
pub(crate) struct Ended;

impl FileWatch {
    /// Looks for the first time after `pause`.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn start(
        mut rules: RulesWatch,
        mut factors: FactorsWatch,
        mut pause: Duration,
    ) -> io::Result<Self> {
        let (tell, happened) = channel();
        let (stop, stopping) = channel::<()>();
        let look = move || {
            while matches!(stopping.recv_timeout(pause), Err(RecvTimeoutError::Timeout)) {
                for news in rules.look().into_iter().chain(factors.look()) {
                    // Whoever is no longer told ends this thread, too.
                    let _ = tell.send(news);
                }
                pause = WATCH_INTERVAL;
            }
        };
        let thread = Builder::new().name("countersign-files".to_owned()).spawn(look)?;
        Ok(Self { happened, stop: Some(stop), thread: Some(thread) })
    }

    /// What has happened since this was asked last. Does not wait.
    pub(crate) fn news(&self) -> Result<Vec<Happened>, Ended> {
        let mut news = Vec::new();
        loop {
            match self.happened.try_recv() {
                Ok(happened) => news.push(happened),
                Err(TryRecvError::Empty) => return Ok(news),
                Err(TryRecvError::Disconnected) => return Err(Ended),
            }
        }
    }
}

/// Waits for the thread: no code of the library may run once mosquitto has let go of it.
impl Drop for FileWatch {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A fault of it was told by [`news`](Self::news).
            let _ = thread.join();
        }
    }
}
