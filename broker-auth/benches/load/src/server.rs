//! [`Server`]: a broker, or another server, that runs as a process of its own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, kill_process};
use tokio::net::TcpStream;

pub use rustix::process::Signal;

use crate::usage::Process;

/// A list of a million revoked certificates is read before a server listens.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// How long a server may take to end when it is asked to.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// How a server is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By SIGKILL.
    Killed,
    /// By SIGTERM first: processes that it has started end only if it ends in peace.
    Asked,
}

/// A running server. It ends with the value.
pub struct Server {
    child: Child,
    address: SocketAddr,
    ending: Ending,
}

impl Server {
    /// Runs `command`, and waits until it listens on `address`.
    ///
    /// # Errors
    /// It cannot be run, or does not listen within a minute.
    pub async fn start(mut command: Command, address: SocketAddr, ending: Ending) -> io::Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let server = Self { child, address, ending };
        let since = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            if since.elapsed() > START_DEADLINE {
                return Err(io::Error::other(format!("{command:?} does not listen on {address}")));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(server)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// It has ended.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("it has no process id"))?;
        Ok(kill_process(pid, signal)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whoever has ended already is not there to be asked or killed, and waiting returns at once.
        if self.ending == Ending::Asked && self.signal(Signal::TERM).is_ok() {
            let since = Instant::now();
            while matches!(self.child.try_wait(), Ok(None)) && since.elapsed() < STOP_DEADLINE {
                thread::sleep(Duration::from_millis(10));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address of this machine whose port was free a moment ago: most servers cannot be asked to pick one.
///
/// # Errors
/// There is no free port.
pub fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
