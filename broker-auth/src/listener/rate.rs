//! When a handshake may begin: so many per second, and no network keeps the others out.
//!
//! A token bucket holds one second's worth, so a small crowd does not notice it. In a larger one clients wait, and
//! networks take turns: a flood from one of them takes at most every other turn from a client
//! elsewhere. Within a network the latest goes first. Under overload the one who has waited longest has the least time
//! left, and serving it first would serve nobody in time.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use super::network::Network;

/// How much a full bucket holds, as time.
const BUCKET_DEPTH: Duration = Duration::from_secs(1);

/// Lets handshakes begin.
#[derive(Debug)]
pub(super) struct Rate {
    state: Mutex<State>,
    somebody_waits: Notify,
}

#[derive(Debug)]
struct State {
    bucket: Bucket,
    waiting: HashMap<Network, VecDeque<oneshot::Sender<()>>>,
    /// Every network with a waiting handshake, once.
    turns: VecDeque<Network>,
}

/// Tokens, kept as the time at which the bucket will be full (the virtual scheduling algorithm of ITU-T I.371).
#[derive(Debug)]
struct Bucket {
    interval: Duration,
    full_at: Instant,
}

impl Bucket {
    /// When the next token is there.
    fn ready_at(&self, now: Instant) -> Instant {
        let full_again_at = self.full_at.max(now) + self.interval;
        full_again_at.checked_sub(BUCKET_DEPTH).map_or(now, |ready| ready.max(now))
    }

    fn take(&mut self, now: Instant) {
        self.full_at = self.full_at.max(now) + self.interval;
    }
}

impl Rate {
    /// A full bucket, and this many more tokens every second.
    pub(super) fn new(per_second: u32, now: Instant) -> Self {
        let bucket = Bucket { interval: BUCKET_DEPTH / per_second.max(1), full_at: now };
        let state = State { bucket, waiting: HashMap::new(), turns: VecDeque::new() };
        Self { state: Mutex::new(state), somebody_waits: Notify::new() }
    }

    /// Waits until a handshake of `network` may begin; whether it had to wait. A handshake that stops waiting takes no token.
    pub(super) async fn begin(&self, network: Network) -> bool {
        let Some(turn) = self.state.lock().begin(network, Instant::now()) else { return false };
        self.somebody_waits.notify_one();
        // An error means that the listener has stopped. The connection will notice that by itself.
        let _ = turn.await;
        true
    }

    /// Gives turns to those that wait; for as long as the listener runs.
    pub(super) async fn give_turns(&self) {
        loop {
            let due = self.state.lock().give_turns(Instant::now());
            match due {
                Some(due) => sleep_until(due).await,
                None => self.somebody_waits.notified().await,
            }
        }
    }
}

impl State {
    /// `None`: at once. Else, when the receiver says so.
    fn begin(&mut self, network: Network, now: Instant) -> Option<oneshot::Receiver<()>> {
        if self.turns.is_empty() && self.bucket.ready_at(now) <= now {
            self.bucket.take(now);
            return None;
        }
        let (give, turn) = oneshot::channel();
        let waiting = self.waiting.entry(network).or_default();
        if waiting.is_empty() {
            self.turns.push_back(network);
        }
        // All wait for equally long, so those who gave up are in front. What is left is no longer than there are
        // connections.
        while waiting.front().is_some_and(oneshot::Sender::is_closed) {
            waiting.pop_front();
        }
        waiting.push_back(give);
        Some(turn)
    }

    /// Gives every turn there is; when the next one is due, if a handshake waits for it.
    fn give_turns(&mut self, now: Instant) -> Option<Instant> {
        while let Some(network) = self.turns.front().copied() {
            let ready_at = self.bucket.ready_at(now);
            if ready_at > now {
                return Some(ready_at);
            }
            self.turns.pop_front();
            let Some(waiting) = self.waiting.get_mut(&network) else { continue };
            while let Some(turn) = waiting.pop_back() {
                if turn.send(()).is_ok() {
                    self.bucket.take(now);
                    break;
                }
            }
            if waiting.is_empty() {
                self.waiting.remove(&network);
            } else {
                self.turns.push_back(network);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// Clients at a listener, and a clock.
    struct Crowd {
        state: State,
        now: Instant,
        /// How long each waits, in milliseconds.
        patience: u64,
        waiting: Vec<(u8, u64, oneshot::Receiver<()>)>,
        /// The network and the time of arrival, in milliseconds, of whoever has begun.
        begun: Vec<(u8, u64)>,
        passed: u64,
    }

    impl Crowd {
        fn new(per_second: u32, patience: u64) -> Self {
            let now = Instant::now();
            let state = Rate::new(per_second, now).state.into_inner();
            Self { state, now, patience, waiting: Vec::new(), begun: Vec::new(), passed: 0 }
        }

        fn arrive(&mut self, number: u8, clients: usize) {
            let network = Network::of(Ipv4Addr::new(192, 0, number, 1).into());
            for _ in 0..clients {
                match self.state.begin(network, self.now) {
                    None => self.begun.push((number, self.passed)),
                    Some(turn) => self.waiting.push((number, self.passed, turn)),
                }
            }
        }

        fn pass(&mut self, milliseconds: u64) {
            for _ in 0..milliseconds {
                self.now += Duration::from_millis(1);
                self.passed += 1;
                self.state.give_turns(self.now);
                let (passed, patience, begun) = (self.passed, self.patience, &mut self.begun);
                self.waiting.retain_mut(|(number, arrived, turn)| {
                    let waits = turn.try_recv().is_err();
                    if !waits {
                        begun.push((*number, *arrived));
                    }
                    waits && passed - *arrived < patience
                });
            }
        }

        fn begun(&self, number: u8) -> usize {
            self.begun.iter().filter(|(begun, _)| *begun == number).count()
        }
    }

    #[tokio::test]
    async fn one_second_of_handshakes_begins_at_once_and_the_rest_at_the_rate() {
        let mut crowd = Crowd::new(100, 10_000);
        crowd.arrive(1, 500);
        assert_eq!(crowd.begun(1), 100);
        crowd.pass(1_000);
        assert_eq!(crowd.begun(1), 200);
        crowd.pass(3_000);
        assert_eq!(crowd.begun(1), 500);
        assert!(crowd.state.waiting.is_empty() && crowd.state.turns.is_empty());
        crowd.pass(1_000);
        crowd.arrive(1, 101);
        assert_eq!(crowd.begun(1), 600, "the bucket is full again, and holds no more than that");
    }

    #[tokio::test]
    async fn a_flood_from_one_network_does_not_keep_out_another() {
        let mut crowd = Crowd::new(100, 10_000);
        crowd.arrive(1, 2_000);
        crowd.arrive(2, 50);
        crowd.pass(1_000);
        assert_eq!((crowd.begun(1), crowd.begun(2)), (150, 50));
    }

    #[tokio::test]
    async fn under_overload_the_latest_handshake_of_a_network_is_served_first() {
        let mut crowd = Crowd::new(100, 2_000);
        crowd.arrive(1, 1_000);
        crowd.pass(1_900);
        crowd.arrive(1, 50);
        crowd.pass(500);
        let late = crowd.begun.iter().filter(|(_, arrived)| *arrived == 1_900).count();
        assert_eq!(late, 50);
    }

    #[tokio::test]
    async fn a_handshake_that_gives_up_takes_no_token_and_leaves_no_entry() {
        let mut crowd = Crowd::new(10, 50);
        for _ in 0..20 {
            crowd.arrive(1, 100);
            crowd.pass(60);
            let kept: usize = crowd.state.waiting.values().map(VecDeque::len).sum();
            assert!(kept <= 100, "{kept}");
        }
        crowd.pass(2_000);
        assert!(crowd.state.waiting.is_empty());
        let before = crowd.begun(1);
        crowd.arrive(1, 10);
        assert_eq!(crowd.begun(1), before + 10);
    }

    #[tokio::test]
    async fn who_waits_is_told_in_time() {
        let rate = Rate::new(20, Instant::now());
        let network = Network::of(Ipv4Addr::LOCALHOST.into());
        let since = Instant::now();
        let mut waited = 0;
        tokio::select! {
            () = rate.give_turns() => {}
            () = async {
                for _ in 0..30 {
                    waited += usize::from(rate.begin(network).await);
                }
            } => {}
        }
        assert!(waited >= 5, "{waited}");
        assert!(since.elapsed() >= Duration::from_millis(400), "{:?}", since.elapsed());
    }
}
