//! The device's board: four ports, and what survives a power cut.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use countersign_agent::credential::Credential;
use countersign_agent::device::{Agent, Config, Ended, Memory};
use countersign_agent::floor::Floor;
use countersign_agent::platform::host::MemoryFlash;
use countersign_agent::platform::{Clock, Platform};
use tokio::time::{Instant, sleep_until};

use super::air::Air;
use super::chronicle::{Chronicle, Event};
use super::firmware::{Firmware, Orders};
use crate::random::Random;

/// A device. What it has in RAM is gone after [`run`](Self::run).
pub(super) struct Board {
    slot: Vec<u8>,
    config: Config,
    platform: Platform<Air, BoardClock, Random, MemoryFlash>,
    firmware: Firmware,
    chronicle: Chronicle,
}

impl Board {
    pub(super) fn new(
        slot: Vec<u8>,
        config: Config,
        seed: u64,
        air: &Air,
        chronicle: &Chronicle,
    ) -> (Self, Orders) {
        let (firmware, orders) = Firmware::new(seed, chronicle.clone());
        let platform = Platform {
            network: air.clone(),
            clock: BoardClock { begun: chronicle.begun(), unix: Rc::default(), looks: Rc::default() },
            rng: Random::from_seed(seed),
            flash: MemoryFlash::new(2),
        };
        (Self { slot, config, platform, firmware, chronicle: chronicle.clone() }, orders)
    }

    /// The clock of the board.
    pub(super) fn clock(&self) -> BoardClock {
        self.platform.clock.clone()
    }

    /// The time floor in flash, Unix seconds.
    pub(super) async fn kept_floor(&mut self) -> u64 {
        Floor::load(&mut self.platform.flash, 0).await.unwrap().value()
    }

    /// Boots; returns when the firmware has wished to leave, with how the last connection before that ended.
    pub(super) async fn run(&mut self) -> Option<Ended> {
        self.run_in_pieces([]).await
    }

    /// Boots, drops `run` after each of these numbers of polls, and calls it again; at last it may go on.
    pub(super) async fn run_in_pieces(&mut self, pieces: impl IntoIterator<Item = usize>) -> Option<Ended> {
        self.chronicle.note(Event::Boot);
        let mut memory: Box<Memory> = Box::default();
        let credential = Credential::read(&self.slot).unwrap();
        let mut agent = Agent::new(credential, self.config, &mut memory);
        for piece in pieces {
            let mut running = pin!(agent.run(&mut self.platform, &mut self.firmware));
            let mut polls = 0;
            poll_fn(|context| {
                assert!(running.as_mut().poll(context).is_pending(), "nobody wished to leave");
                polls += 1;
                if polls < piece { Poll::Pending } else { Poll::Ready(()) }
            })
            .await;
            self.chronicle.note(Event::Again);
        }
        agent.run(&mut self.platform, &mut self.firmware).await.unwrap();
        agent.last_end().copied()
    }
}

/// How often the agent may look at the clock without time passing.
const RESTLESS: u32 = 10_000;

/// A board's clock, which notices who does nothing but look at it.
#[derive(Clone)]
pub(super) struct BoardClock {
    begun: Instant,
    /// What a clock that can be trusted said when the world began, Unix seconds; zero if there is none.
    unix: Rc<Cell<u64>>,
    /// Since when the agent has looked at it how often.
    looks: Rc<Cell<(Duration, u32)>>,
}

impl BoardClock {
    /// Gives the board a clock that can be trusted, and says this now.
    pub(super) fn set(&self, unix: u64) {
        self.unix.set(unix - self.begun.elapsed().as_secs());
    }
}

impl Clock for BoardClock {
    fn now(&self) -> Duration {
        let now = self.begun.elapsed();
        let (since, looks) = self.looks.get();
        self.looks.set(if since == now { (since, looks + 1) } else { (now, 0) });
        assert!(looks < RESTLESS, "the agent looks at the clock in a loop, and no time passes");
        now
    }

    fn unix_time(&self) -> Option<u64> {
        Some(self.unix.get()).filter(|&unix| unix > 0).map(|unix| unix + self.begun.elapsed().as_secs())
    }

    async fn sleep_until(&self, at: Duration) {
        match self.begun.checked_add(at) {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}
