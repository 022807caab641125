//! The whole agent in a world of its own: its board, a network that may be bad, and a broker that does as it is told,
//! in one thread and in virtual time. Nobody waits for anything here: a week passes as fast as what happens in it.

mod air;
mod board;
mod broker;
mod chronicle;
mod course;
mod etiquette;
mod firmware;
mod link;
mod manners;
mod patience;
mod serve;

mod answers;
mod cuts;
mod limits;
mod refusals;
mod stalls;
mod storms;
mod time;
mod vigil;

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use countersign_agent::device::Config;
use tokio::task::{JoinHandle, LocalSet};

use crate::pki::Fleet;
use air::Air;
use board::Board;
use broker::Broker;
use chronicle::Chronicle;
use firmware::Orders;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs `test` in virtual time: whenever everybody waits, it is at once the moment that somebody waits for.
fn in_virtual_time<T>(test: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, test)
}

/// A device, a broker, and what is between them.
struct World {
    chronicle: Chronicle,
    air: Air,
    broker: Broker,
    board: Board,
    orders: Orders,
    /// The broker, as it accepts connections. It never ends, unless it finds something that cannot be.
    accepting: JoinHandle<()>,
    seed: u64,
    /// How often the agent has been polled.
    polls: Rc<Cell<u64>>,
}

impl World {
    /// Everything is as it should be, until a test changes it.
    fn new(seed: u64) -> Self {
        Self::with(seed, &Fleet::new(), Config::default())
    }

    fn with(seed: u64, fleet: &Fleet, config: Config) -> Self {
        let chronicle = Chronicle::begin();
        let (air, arrivals) = Air::new(seed, chronicle.clone());
        let broker = Broker::new(fleet, chronicle.clone());
        let accepting = tokio::task::spawn_local(broker.clone().accept(arrivals));
        let (board, orders) = Board::new(fleet.slot().to_vec(), config, seed, &air, &chronicle);
        Self { chronicle, air, broker, board, orders, accepting, seed, polls: Rc::default() }
    }

    /// Switches the device on for as long as `script` takes. It loses power then, with all that is not in flash.
    async fn boot<T>(&mut self, script: impl Future<Output = T>) -> T {
        self.boot_in_pieces([], script).await
    }

    /// The same, and `run` is dropped after each of these numbers of polls, and called again.
    async fn boot_in_pieces<T>(
        &mut self,
        pieces: impl IntoIterator<Item = usize>,
        script: impl Future<Output = T>,
    ) -> T {
        let polls = Rc::clone(&self.polls);
        let mut running = pin!(self.board.run_in_pieces(pieces));
        let counted = poll_fn(|context| {
            polls.set(polls.get() + 1);
            running.as_mut().poll(context)
        });
        tokio::select! {
            biased;
            ended = &mut self.accepting => panic!("the broker: {ended:?}"),
            left = counted => panic!("the agent left: {left:?}"),
            outcome = script => outcome,
        }
    }
}

impl Drop for World {
    /// What has been, for whoever has to find out why.
    fn drop(&mut self) {
        self.accepting.abort();
        if std::thread::panicking() {
            eprintln!("seed {}; the end of what happened:\n{}", self.seed, self.chronicle.tail(80));
        }
    }
}
