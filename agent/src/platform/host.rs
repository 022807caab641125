//! A board made of an operating system: for simulated fleets, and tests.
//!
//! The clock is tokio's, so time is virtual where a test has paused it.

mod nor_flash;
pub mod part;

use core::time::Duration;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use p256::elliptic_curve::rand_core;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

pub use nor_flash::{FlashFault, NorFlashModel};

use super::{Clock, ConnectError, Network};

/// tokio's time, from the moment this was made, and perhaps the system's.
#[derive(Clone, Copy, Debug)]
pub struct HostClock {
    origin: Instant,
    trusted: bool,
}

impl HostClock {
    /// A board with a clock that can be trusted: the system's.
    pub fn trusted() -> Self {
        Self { origin: Instant::now(), trusted: true }
    }

    /// A board that knows no more than its time floor.
    pub fn untrusted() -> Self {
        Self { trusted: false, ..Self::trusted() }
    }
}

impl Clock for HostClock {
    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn unix_time(&self) -> Option<u64> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).ok().filter(|_| self.trusted)?;
        Some(since.as_secs())
    }

    async fn sleep_until(&self, at: Duration) {
        // A moment that no clock reaches never comes.
        match self.origin.checked_add(at) {
            Some(at) => tokio::time::sleep_until(at).await,
            None => core::future::pending().await,
        }
    }
}

/// The system's resolver and TCP.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostNetwork;

/// A TCP connection of the system.
#[derive(Debug)]
pub struct HostConnection(TcpStream);

impl Network for HostNetwork {
    type Connection<'n> = HostConnection;

    async fn connect(&mut self, host: &str, port: u16) -> Result<HostConnection, ConnectError> {
        let addresses = tokio::net::lookup_host((host, port)).await.map_err(|_| ConnectError::Name)?;
        let stream = TcpStream::connect(Vec::from_iter(addresses).as_slice()).await.map_err(|error| {
            match error.kind() {
                io::ErrorKind::ConnectionRefused => ConnectError::Refused,
                io::ErrorKind::NetworkDown | io::ErrorKind::AddrNotAvailable => ConnectError::NoLink,
                _ => ConnectError::Unreachable,
            }
        })?;
        // An acknowledgement that waits for more to send costs the other side 40 ms.
        let _ = stream.set_nodelay(true);
        Ok(HostConnection(stream))
    }
}

impl ErrorType for HostConnection {
    type Error = ErrorKind;
}

impl Read for HostConnection {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, ErrorKind> {
        self.0.read(into).await.map_err(|error| kind(&error))
    }
}

impl Write for HostConnection {
    async fn write(&mut self, from: &[u8]) -> Result<usize, ErrorKind> {
        self.0.write(from).await.map_err(|error| kind(&error))
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        self.0.flush().await.map_err(|error| kind(&error))
    }
}

fn kind(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::ConnectionReset => ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionAborted => ErrorKind::ConnectionAborted,
        io::ErrorKind::BrokenPipe => ErrorKind::BrokenPipe,
        io::ErrorKind::TimedOut => ErrorKind::TimedOut,
        _ => ErrorKind::Other,
    }
}

/// A generator of today's `rand`, as the generation of it that p256 0.13 knows.
#[derive(Clone, Debug)]
pub struct HostRandom<R>(pub R);

impl<R: rand::RngCore> rand_core::RngCore for HostRandom<R> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, into: &mut [u8]) {
        self.0.fill_bytes(into);
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), rand_core::Error> {
        self.0.fill_bytes(into);
        Ok(())
    }
}

impl<R: rand::CryptoRng> rand_core::CryptoRng for HostRandom<R> {}
