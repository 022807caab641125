//! The whole agent in a deterministic simulation: its board, a network that may be bad, and a broker that behaves as
//! the test says, in one thread and in virtual time. A week takes no longer than the work that is done in it.

mod board;
mod broker;
mod broker_behaviour;
mod broker_connection;
mod event_log;
mod firmware;
mod link;
mod network;
mod path;
mod protocol_check;
mod retry_check;

mod backlog;
mod bad_networks;
mod broker_limits;
mod broker_time;
mod connect_deadline;
mod connection_faults;
mod keep_alive;
mod refusals;
mod renewal;

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use countersign_agent::device::Config;
use tokio::task::{JoinHandle, LocalSet};

use crate::pki::Fleet;
use board::Board;
use broker::Broker;
use event_log::EventLog;
use firmware::FirmwareControl;
use network::SimulatedNetwork;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs `test` in virtual time: whenever all tasks wait, the clock jumps to the next timer.
fn in_virtual_time<T>(test: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, test)
}

/// A device, a broker, and the network between them.
struct Simulation {
    log: EventLog,
    network: SimulatedNetwork,
    broker: Broker,
    board: Board,
    firmware: FirmwareControl,
    /// The broker's accept loop. It ends only by panicking, when the device breaks a rule.
    accepting: JoinHandle<()>,
    seed: u64,
    /// How often the agent has been polled.
    polls: Rc<Cell<u64>>,
}

impl Simulation {
    /// Good network, good broker, default configuration, until a test changes them.
    fn new(seed: u64) -> Self {
        Self::with(seed, &Fleet::new(), Config::default())
    }

    fn with(seed: u64, fleet: &Fleet, config: Config) -> Self {
        let log = EventLog::begin();
        let (network, arrivals) = SimulatedNetwork::new(seed, log.clone());
        let broker = Broker::new(fleet, log.clone());
        let accepting = tokio::task::spawn_local(broker.clone().accept(arrivals));
        let (board, firmware) = Board::new(fleet.slot().to_vec(), config, seed, &network, &log);
        Self { log, network, broker, board, firmware, accepting, seed, polls: Rc::default() }
    }

    /// Powers the device for as long as `script` takes. It loses power then, with everything that is not in flash.
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

impl Drop for Simulation {
    /// Prints the end of the log when a test fails.
    fn drop(&mut self) {
        self.accepting.abort();
        if std::thread::panicking() {
            eprintln!("seed {}; the end of what happened:\n{}", self.seed, self.log.tail(80));
        }
    }
}
