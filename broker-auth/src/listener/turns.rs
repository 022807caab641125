//! When a handshake may be computed: only so many at once, and those of hosts that were refused lately after the others.
//!
//! What waits for its turn here is not in the scheduler's queue, so sessions that have something to do never stand
//! behind a crowd of handshakes. A turn is for computing, not for waiting: a handshake whose client says nothing has
//! none, and any number of stalled ones delay no other client.

use std::future::poll_fn;
use std::mem;
use std::pin::pin;
use std::task::Poll;
use std::thread;

use tokio::sync::{Semaphore, SemaphorePermit};

/// The turns of one listener.
#[derive(Debug)]
pub(super) struct Turns {
    all: Semaphore,
    /// Suspects go one by one.
    suspects: Semaphore,
}

/// In which order handshakes get turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// Nothing is known against it.
    Ordinary,
    /// Its host was refused lately.
    Suspect,
}

impl Turns {
    pub(super) fn new(at_once: usize) -> Self {
        Self { all: Semaphore::new(at_once.min(Semaphore::MAX_PERMITS)), suspects: Semaphore::new(1) }
    }

    /// Runs `handshake`, every step in a turn. `queued` is called the first time that it had to wait for one.
    pub(super) async fn run<F: Future>(
        &self,
        urgency: Urgency,
        handshake: F,
        queued: impl FnOnce(),
    ) -> F::Output {
        let mut handshake = pin!(handshake);
        let mut queued = Some(queued);
        loop {
            let suspects_turn = match urgency {
                Urgency::Ordinary => None,
                Urgency::Suspect => Some(turn_of(&self.suspects, &mut queued).await),
            };
            if suspects_turn.is_some() {
                // The threads have a queue of their own: whatever is ready there comes first.
                others_first().await;
            }
            let turn = turn_of(&self.all, &mut queued).await;
            let step = poll_fn(|context| Poll::Ready(handshake.as_mut().poll(context))).await;
            drop(turn);
            if suspects_turn.is_some() {
                // And so do sessions, which the scheduler of the system would have wait for the end of this thread's slice.
                thread::yield_now();
            }
            drop(suspects_turn);
            if let Poll::Ready(done) = step {
                return done;
            }
            woken().await;
        }
    }
}

/// `None`, which never happens: there are no turns any more.
async fn turn_of<'a>(
    turns: &'a Semaphore,
    queued: &mut Option<impl FnOnce()>,
) -> Option<SemaphorePermit<'a>> {
    if let Ok(turn) = turns.try_acquire() {
        return Some(turn);
    }
    if let Some(queued) = queued.take() {
        queued();
    }
    turns.acquire().await.ok()
}

/// Pending once, and woken at once: a task that is woken while it runs goes to the end of its thread's queue.
async fn others_first() {
    let mut polled = false;
    poll_fn(|context| {
        if mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
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

    use parking_lot::Mutex;
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
            stalled.push(tokio::spawn(async move { turns.run(Urgency::Ordinary, answer, || ()).await }));
            clients.push(client);
        }
        tokio::task::yield_now().await;
        let healthy = turns.run(Urgency::Ordinary, std::future::ready(7), || panic!("all others only wait"));
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
                    thread::sleep(Duration::from_millis(1));
                    computing.fetch_sub(1, Ordering::SeqCst);
                    steps -= 1;
                    context.waker().wake_by_ref();
                    if steps == 0 { Poll::Ready(()) } else { Poll::Pending }
                });
                let count = || {
                    queued.fetch_add(1, Ordering::SeqCst);
                };
                turns.run(Urgency::Ordinary, handshake, count).await;
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert!(most.load(Ordering::SeqCst) <= 2, "{most:?}");
        assert!((1..=40).contains(&queued.load(Ordering::SeqCst)), "{queued:?}");
    }

    /// Runs handshakes of a few steps that are all ready, spawned in this order; who had which step, in order.
    async fn order(crowd: &[Urgency]) -> Vec<usize> {
        let turns = Arc::new(Turns::new(2));
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for (number, urgency) in crowd.iter().copied().enumerate() {
            let (turns, order) = (Arc::clone(&turns), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                let mut steps = 3;
                let handshake = poll_fn(move |context| {
                    order.lock().push(number);
                    steps -= 1;
                    context.waker().wake_by_ref();
                    if steps == 0 { Poll::Ready(()) } else { Poll::Pending }
                });
                turns.run(urgency, handshake, || ()).await;
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let order = order.lock();
        order.clone()
    }

    #[tokio::test]
    async fn whoever_is_ready_comes_before_all_suspects_but_one() {
        let mut crowd = vec![Urgency::Suspect; 60];
        crowd.extend([Urgency::Ordinary; 4]);
        let order = order(&crowd).await;
        assert_eq!(order.len(), 3 * 64, "and nobody is forgotten");
        let of_the_last = |number: usize| order.iter().rposition(|who| *who == number).unwrap();
        let before = order[..of_the_last(63)].iter().filter(|who| **who < 60).count();
        assert!(before <= 3, "{before} steps of suspects before the last of the others");
    }

    #[tokio::test]
    async fn who_gives_up_keeps_no_turn() {
        let turns = Arc::new(Turns::new(1));
        for urgency in [Urgency::Suspect, Urgency::Ordinary] {
            let mut waiting = Vec::new();
            for _ in 0..50 {
                let turns = Arc::clone(&turns);
                let endless = poll_fn(|context| {
                    context.waker().wake_by_ref();
                    Poll::<()>::Pending
                });
                waiting.push(tokio::spawn(async move { turns.run(urgency, endless, || ()).await }));
            }
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            waiting.iter().for_each(tokio::task::JoinHandle::abort);
            for waiting in waiting {
                assert!(waiting.await.unwrap_err().is_cancelled());
            }
            assert_eq!((turns.all.available_permits(), turns.suspects.available_permits()), (1, 1));
        }
    }
}
