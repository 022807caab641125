//! The simulated board: its four ports, and the flash that survives a power cut.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use countersign_agent::credential::{Credential, SoftwareKeys};
use countersign_agent::device::{
    Agent, Config, ConnectionEnd, Memory, RenewalConfig, RenewalMemory, RenewingAgent,
};
use countersign_agent::platform::host::NorFlashModel;
use countersign_agent::platform::host::part::Nrf52840;
use countersign_agent::platform::{Clock, Platform};
use countersign_agent::time_floor::TimeFloor;
use tokio::time::{Instant, sleep_until};

use super::event_log::{Event, EventLog};
use super::firmware::{Firmware, FirmwareControl};
use super::network::SimulatedNetwork;
use crate::random::Random;

/// Erase blocks of a board's flash: two of the time floor, and the two slots of the credential store.
const FLASH_BLOCKS: usize = 4;

/// Where the credential store begins.
const STORE_START: usize = 2 * 4096;

/// A device. Its RAM is lost when [`run`](Self::run) ends or is dropped.
pub(super) struct Board {
    slot: Vec<u8>,
    config: Config,
    /// Of a device that renews its certificate.
    renewal: Option<RenewalConfig>,
    pub(super) platform: Platform<SimulatedNetwork, BoardClock, Random, NorFlashModel<Nrf52840>>,
    firmware: Firmware,
    log: EventLog,
}

impl Board {
    pub(super) fn new(
        slot: Vec<u8>,
        config: Config,
        seed: u64,
        network: &SimulatedNetwork,
        log: &EventLog,
    ) -> (Self, FirmwareControl) {
        let (firmware, control) = Firmware::new(seed, log.clone());
        let platform = Platform {
            network: network.clone(),
            clock: BoardClock { begun: log.begun(), unix: Rc::default(), reads: Rc::default() },
            rng: Random::from_seed(seed),
            flash: NorFlashModel::new(FLASH_BLOCKS),
        };
        (Self { slot, config, renewal: None, platform, firmware, log: log.clone() }, control)
    }

    /// Makes it a device that renews its certificate, and flashes an image into its credential store.
    pub(super) fn renew(&mut self, slot: &[u8]) {
        self.platform.flash.flash(STORE_START, slot);
        self.renewal = Some(RenewalConfig::behind_time_floor::<NorFlashModel<Nrf52840>>());
    }

    /// The clock of the board.
    pub(super) fn clock(&self) -> BoardClock {
        self.platform.clock.clone()
    }

    /// The time floor in flash, Unix seconds.
    pub(super) async fn kept_floor(&mut self) -> u64 {
        TimeFloor::load(&mut self.platform.flash, 0).await.unwrap().value()
    }

    /// Boots; returns when the firmware has left, with the end of the last connection before that.
    pub(super) async fn run(&mut self) -> Option<ConnectionEnd> {
        self.run_in_pieces([]).await
    }

    /// Boots, drops `run` after each of these numbers of polls, and calls it again; the last call is not dropped.
    pub(super) async fn run_in_pieces(
        &mut self,
        pieces: impl IntoIterator<Item = usize>,
    ) -> Option<ConnectionEnd> {
        self.log.record(Event::Boot);
        let mut memory: Box<Memory> = Box::default();
        if let Some(renewal) = self.renewal {
            let mut room: Box<RenewalMemory> = Box::default();
            let flash = &mut self.platform.flash;
            let opened =
                RenewingAgent::open(flash, SoftwareKeys, self.config, renewal, &mut memory, &mut room).await;
            let ran = match opened {
                Ok(mut agent) => {
                    let ran = agent.run(&mut self.platform, &mut self.firmware).await;
                    ran.map(|()| agent.last_end().copied())
                }
                Err(error) => Err(error),
            };
            match ran {
                Ok(end) => return end,
                // Without power in its flash it can do nothing until the next boot.
                Err(error) => {
                    assert!(self.platform.flash.is_off(), "{error}");
                    std::future::pending::<()>().await;
                }
            }
        }
        let credential = Credential::read(&self.slot).unwrap();
        let mut agent = Agent::new(credential, self.config, &mut memory);
        for piece in pieces {
            let mut running = pin!(agent.run(&mut self.platform, &mut self.firmware));
            let mut polls = 0;
            poll_fn(|context| {
                assert!(running.as_mut().poll(context).is_pending(), "the firmware has not left");
                polls += 1;
                if polls < piece { Poll::Pending } else { Poll::Ready(()) }
            })
            .await;
            self.log.record(Event::Rerun);
        }
        agent.run(&mut self.platform, &mut self.firmware).await.unwrap();
        agent.last_end().copied()
    }
}

/// The most readings of the clock without time passing.
const MAX_CALLS_PER_INSTANT: u32 = 10_000;

/// A board's clock, which fails the test if the agent polls it in a loop.
#[derive(Clone)]
pub(super) struct BoardClock {
    begun: Instant,
    /// The time of a trusted clock when the simulation began, Unix seconds; zero without one.
    unix: Rc<Cell<u64>>,
    /// The current instant, and how often the clock was read in it.
    reads: Rc<Cell<(Duration, u32)>>,
}

impl BoardClock {
    /// Gives the board a trusted clock, which says this now.
    pub(super) fn set(&self, unix: u64) {
        self.unix.set(unix - self.begun.elapsed().as_secs());
    }

    /// Takes the trusted clock away.
    pub(super) fn forget(&self) {
        self.unix.set(0);
    }
}

impl Clock for BoardClock {
    fn now(&self) -> Duration {
        let now = self.begun.elapsed();
        let (since, reads) = self.reads.get();
        self.reads.set(if since == now { (since, reads + 1) } else { (now, 0) });
        assert!(reads < MAX_CALLS_PER_INSTANT, "the agent reads at the clock in a loop, and no time passes");
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
