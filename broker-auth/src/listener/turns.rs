//! When a handshake may be computed: only so many at once, and those of hosts that were refused lately after the others.
//!
//! What waits for its turn here is not in the scheduler's queue, so sessions that have something to do never stand
//! behind a crowd of handshakes. A turn is for computing, not for waiting: a handshake whose client says nothing has
//! none, and any number of stalled ones delay no other client.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Of so many turns one goes to a suspect that waits, though others wait too: who shares an address with a stranger waits
/// longer, and not forever.
const TURNS_A_SUSPECT: usize = 4;

/// The turns of one listener.
#[derive(Debug)]
pub(super) struct Turns(Mutex<State>);

/// In which order handshakes get turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// Nothing is known against it.
    Ordinary,
    /// Its host was refused lately.
    Suspect,
}

#[derive(Debug)]
struct State {
    free: usize,
    ordinary: VecDeque<oneshot::Sender<Turn>>,
    suspects: VecDeque<oneshot::Sender<Turn>>,
    /// Turns that went to others since a suspect had one.
    since_suspect: usize,
}

/// The right to compute one step, handed on when it is dropped.
#[derive(Debug)]
struct Turn(Arc<Turns>);

impl Turns {
    pub(super) fn new(at_once: usize) -> Arc<Self> {
        let (ordinary, suspects) = (VecDeque::new(), VecDeque::new());
        Arc::new(Self(Mutex::new(State { free: at_once, ordinary, suspects, since_suspect: 0 })))
    }

    /// Runs `handshake`, every step in a turn. `queued` is called the first time that it had to wait for one.
    pub(super) async fn run<F: Future>(
        self: &Arc<Self>,
        urgency: Urgency,
        handshake: F,
        queued: impl FnOnce(),
    ) -> F::Output {
        let mut handshake = pin!(handshake);
        let mut queued = Some(queued);
        loop {
            let turn = match self.ask(urgency) {
                Ok(turn) => Some(turn),
                Err(coming) => {
                    if let Some(queued) = queued.take() {
                        queued();
                    }
                    // Turns are never thrown away, so one comes.
                    coming.await.ok()
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

    /// A turn at once, or where it will come.
    fn ask(self: &Arc<Self>, urgency: Urgency) -> Result<Turn, oneshot::Receiver<Turn>> {
        let mut state = self.0.lock();
        if state.free > 0 {
            state.free -= 1;
            return Ok(Turn(Arc::clone(self)));
        }
        let (give, coming) = oneshot::channel();
        match urgency {
            Urgency::Ordinary => state.ordinary.push_back(give),
            Urgency::Suspect => state.suspects.push_back(give),
        }
        Err(coming)
    }
}

impl State {
    /// Who is next, if somebody waits. Otherwise the turn is free.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        for waiting in [&mut self.ordinary, &mut self.suspects] {
            // These gave up waiting.
            while waiting.front().is_some_and(oneshot::Sender::is_closed) {
                waiting.pop_front();
            }
        }
        if (self.ordinary.is_empty() || self.since_suspect + 1 >= TURNS_A_SUSPECT)
            && let Some(next) = self.suspects.pop_front()
        {
            self.since_suspect = 0;
            return Some(next);
        }
        let next = self.ordinary.pop_front();
        match next {
            Some(_) => self.since_suspect += 1,
            None => self.free += 1,
        }
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = self.0.0.lock().next();
        if let Some(next) = next {
            // Who has given up in this very moment drops the turn, which hands it on.
            let _ = next.send(Self(Arc::clone(&self.0)));
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
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::sync::oneshot;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_handshake_that_waits_for_its_client_holds_no_turn() {
        let turns = Turns::new(1);
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
        let turns = Turns::new(2);
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
                turns.run(Urgency::Ordinary, handshake, count).await;
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert!(most.load(Ordering::SeqCst) <= 2, "{most:?}");
        assert!((1..=40).contains(&queued.load(Ordering::SeqCst)), "{queued:?}");
    }

    /// Runs handshakes of one step one after the other, and returns in which order they had their turn.
    async fn order(urgencies: &[Urgency], gives_up: impl Fn(usize) -> bool) -> Vec<usize> {
        let turns = Turns::new(1);
        let (first, order) = (turns.ask(Urgency::Ordinary).unwrap(), Arc::new(Mutex::new(Vec::new())));
        let mut tasks = Vec::new();
        for (number, urgency) in urgencies.iter().copied().enumerate() {
            let (turns, order) = (Arc::clone(&turns), Arc::clone(&order));
            let step = async move { order.lock().push(number) };
            let task = tokio::spawn(async move { turns.run(urgency, step, || ()).await });
            tokio::task::yield_now().await;
            if gives_up(number) {
                task.abort();
            } else {
                tasks.push(task);
            }
        }
        tokio::task::yield_now().await;
        drop(first);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(turns.0.lock().free, 1, "no turn is lost, and none is one too many");
        let order = order.lock();
        order.clone()
    }

    #[tokio::test]
    async fn suspects_wait_for_the_others_and_not_forever() {
        use Urgency::{Ordinary, Suspect};
        let crowd = [Suspect, Suspect, Ordinary, Ordinary, Ordinary, Ordinary, Ordinary];
        assert_eq!(order(&crowd, |_| false).await, [2, 3, 4, 0, 5, 6, 1]);
        assert_eq!(order(&[Suspect, Suspect, Suspect], |_| false).await, [0, 1, 2]);
    }

    #[tokio::test]
    async fn who_gives_up_takes_no_turn() {
        use Urgency::{Ordinary, Suspect};
        let crowd = [Suspect, Ordinary, Suspect, Ordinary, Ordinary, Suspect];
        assert_eq!(order(&crowd, |number| number < 3).await, [3, 4, 5]);
        let many = vec![Ordinary; 50_000];
        assert_eq!(order(&many, |number| number + 1 < many.len()).await, [49_999]);
    }
}
