//! A board, an application and a network that take no memory themselves, so that what is left is the agent's.

use core::future::pending;
use core::time::Duration;

use countersign_agent::command::Command;
use countersign_agent::device::{Application, Control};
use countersign_agent::platform::{Clock, ConnectError, Network, NorFlash, ReadNorFlash};
use countersign_agent::telemetry::Queue;
use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use embedded_storage_async::nor_flash;
use p256::elliptic_curve::rand_core;

/// All ports of a board. Nothing of it is ever called.
pub(crate) struct Bare;

impl ErrorType for Bare {
    type Error = ErrorKind;
}

impl Read for Bare {
    async fn read(&mut self, _: &mut [u8]) -> Result<usize, ErrorKind> {
        pending().await
    }
}

impl Write for Bare {
    async fn write(&mut self, _: &[u8]) -> Result<usize, ErrorKind> {
        pending().await
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        pending().await
    }
}

impl Network for Bare {
    type Connection<'n> = Self;

    async fn connect(&mut self, _: &str, _: u16) -> Result<Self, ConnectError> {
        pending().await
    }
}

impl Clock for Bare {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn unix_time(&self) -> Option<u64> {
        None
    }

    async fn sleep_until(&self, _: Duration) {
        pending::<()>().await;
    }
}

impl nor_flash::ErrorType for Bare {
    type Error = nor_flash::NorFlashErrorKind;
}

impl ReadNorFlash for Bare {
    const READ_SIZE: usize = 4;

    async fn read(&mut self, _: u32, _: &mut [u8]) -> Result<(), Self::Error> {
        pending().await
    }

    fn capacity(&self) -> usize {
        8192
    }
}

impl NorFlash for Bare {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;

    async fn erase(&mut self, _: u32, _: u32) -> Result<(), Self::Error> {
        pending().await
    }

    async fn write(&mut self, _: u32, _: &[u8]) -> Result<(), Self::Error> {
        pending().await
    }
}

impl rand_core::RngCore for Bare {
    fn next_u32(&mut self) -> u32 {
        0
    }

    fn next_u64(&mut self) -> u64 {
        0
    }

    fn fill_bytes(&mut self, _: &mut [u8]) {}

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), rand_core::Error> {
        Ok(())
    }
}

impl rand_core::CryptoRng for Bare {}

impl Application for Bare {
    async fn produce(&mut self, _: &mut Queue<'_>) -> Control {
        pending().await
    }

    async fn handle_command(&mut self, _: Command<'_>, _: &mut Queue<'_>) {}
}
