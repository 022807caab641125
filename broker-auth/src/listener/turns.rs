//! When a handshake may be computed: only so many at once.
//!
//! What waits for its turn here is not in the scheduler's queue, so sessions that have something to do never stand
//! behind a crowd of handshakes. A turn is for computing, not for waiting: a handshake whose client says nothing has
//! none, and any number of stalled ones delay no other client.

use std::future::poll_fn;
use std::mem;
use std::pin::pin;
use std::task::Poll;

use tokio::sync::Semaphore;

/// The turns of one listener.
#[derive(Debug)]
pub(super) struct Turns(Semaphore);

impl Turns {
    pub(super) fn new(at_once: usize) -> Self {
        Self(Semaphore::new(at_once.min(Semaphore::MAX_PERMITS)))
    }

    /// Runs `handshake`, every step in a turn. `queued` is called the first time that it had to wait for one.
    pub(super) async fn run<F: Future>(&self, handshake: F, queued: impl FnOnce()) -> F::Output {
        let mut handshake = pin!(handshake);
        let mut queued = Some(queued);
        loop {
            let turn = match self.0.try_acquire() {
                Ok(turn) => Ok(turn),
                Err(_) => {
                    if let Some(queued) = queued.take() {
                        queued();
                    }
                    self.0.acquire().await
                }
            };
            let step = poll_fn(|context| Poll::Ready(handshake.as_mut().poll(context))).await;
            drop(turn);
            if let Poll::Ready(done) = step {
                return done;
            }
            woken().await;
        }
    }
}

/// Pending once. What the task waits for, here the client's next bytes, wakes it.
async fn woken() {
    let mut polled = false;
    poll_fn(|_| if mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::sync::oneshot;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_handshake_that_waits_for_its_client_holds_no_turn() {
        let turns = Arc::new(Turns::new(1));
        let mut clients = Vec::new();
        let mut stalled = Vec::new();
        for _ in 0..100 {
            let (client, answer) = oneshot::channel::<u8>();
            let turns = Arc::clone(&turns);
            stalled.push(tokio::spawn(async move { turns.run(answer, || ()).await }));
            clients.push(client);
        }
        tokio::task::yield_now().await;
        let healthy = turns.run(std::future::ready(7), || panic!("all others only wait"));
        assert_eq!(timeout(Duration::from_secs(10), healthy).await, Ok(7));
        for client in clients {
            client.send(8).unwrap();
        }
        for task in stalled {
            assert_eq!(task.await.unwrap(), Ok(8));
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_more_handshakes_are_computed_at_once_than_there_are_turns() {
        let turns = Arc::new(Turns::new(2));
        let [computing, most, queued] = [0; 3].map(|_| Arc::new(AtomicUsize::new(0)));
        let mut tasks = Vec::new();
        for _ in 0..40 {
            let (turns, computing, most, queued) =
                (Arc::clone(&turns), Arc::clone(&computing), Arc::clone(&most), Arc::clone(&queued));
            tasks.push(tokio::spawn(async move {
                let mut steps = 5;
                let handshake = poll_fn(move |context| {
                    let now = computing.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(1));
                    computing.fetch_sub(1, Ordering::SeqCst);
                    steps -= 1;
                    context.waker().wake_by_ref();
                    if steps == 0 { Poll::Ready(()) } else { Poll::Pending }
                });
                let count = || {
                    queued.fetch_add(1, Ordering::SeqCst);
                };
                turns.run(handshake, count).await;
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert!(most.load(Ordering::SeqCst) <= 2, "{most:?}");
        assert!((1..=40).contains(&queued.load(Ordering::SeqCst)), "{queued:?}");
    }
}
