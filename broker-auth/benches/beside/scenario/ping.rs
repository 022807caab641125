//! [`Ping`]: a session that nobody touches asks all the time whether the server is there.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use load::client::{Client, ConnectOptions, Lost};
use load::packet::{PINGREQ, Packet};
use load::site::Identity;
use load::spread::Spread;
use tokio::runtime;

/// From an answer to the next question.
const PAUSE: Duration = Duration::from_millis(2);

/// One session, on a thread of its own: what the load generator does with others is not to be measured. It ends with the
/// value.
pub(super) struct Ping {
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<Result<(), Lost>>>,
}

#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    /// When it asked, and how long the answer took.
    answers: Mutex<Vec<(Instant, Duration)>>,
}

impl Ping {
    pub(super) fn start(server: SocketAddr, identity: Identity) -> Self {
        let shared = Arc::new(Shared::default());
        let asking = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(asking.ask(server, &identity))
        });
        Self { shared, thread: Some(thread) }
    }

    /// How long answers took to what it asked between two moments.
    pub(super) fn between(&self, from: Instant, to: Instant) -> Spread {
        let answers = self.shared.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.iter().filter(|(asked, _)| (from..to).contains(asked)).map(|(_, took)| *took).collect()
    }

    /// Has it leave; an error if it was cut, or had no answer.
    pub(super) fn finish(mut self) -> Result<(), Box<dyn std::error::Error>> {
        self.shared.is_over.store(true, Ordering::Relaxed);
        let Some(thread) = self.thread.take() else { return Ok(()) };
        Ok(thread.join().map_err(|_| "the thread of the ping panicked")??)
    }
}

impl Drop for Ping {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    async fn ask(&self, server: SocketAddr, identity: &Identity) -> Result<(), Lost> {
        let (mut client, _) = Client::connect(server, identity, ConnectOptions::default()).await?;
        while !self.is_over.load(Ordering::Relaxed) {
            let since = Instant::now();
            client.send(&PINGREQ).await?;
            match client.answer().await? {
                Packet::PingResp => {}
                other => return Err(Lost::Unexpected(other)),
            }
            let took = since.elapsed();
            self.answers.lock().unwrap_or_else(PoisonError::into_inner).push((since, took));
            tokio::time::sleep(PAUSE).await;
        }
        Ok(client.leave().await?)
    }
}
