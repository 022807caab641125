//! The ports of a board: clock, network, randomness, flash.
//!
//! Four ports and nothing else. The agent owns no hardware and no operating system; the same code runs on a
//! microcontroller, in a simulated fleet, and in tests whose time is virtual.

mod clock;
#[cfg(feature = "host")]
pub mod host;
mod network;

pub use clock::{Clock, within};
pub use embedded_storage_async::nor_flash::{NorFlash, ReadNorFlash};
pub use network::{ConnectError, Network};

pub use p256::elliptic_curve::rand_core::CryptoRngCore;

// So that firmware names this crate alone, and its versions of these cannot be others.
pub use embedded_io_async::{self, Read, Write};
pub use embedded_storage_async;
pub use p256::elliptic_curve::rand_core;

/// The ports of one board.
#[derive(Debug)]
pub struct Platform<N, C, R, F> {
    /// Names, and TCP.
    pub network: N,
    /// Time.
    pub clock: C,
    /// Seeded from hardware, anew at every boot. It must not fail.
    pub rng: R,
    /// Two erase blocks of its own, for the [time floor](crate::time_floor).
    pub flash: F,
}
