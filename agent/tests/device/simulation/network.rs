//! The simulated network between board and broker: the board's network port, with conditions that a test sets.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use countersign_agent::platform::{ConnectError, Network};
use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::event_log::{Event, EventLog};
use super::link::Link;
use super::path::{Broken, Conditions, ConnectOutcome, Direction, Fault, OneWayPath};
use super::{MINUTE, SECOND};

/// What a socket holds before the network or the reader takes it.
const SOCKET_BUFFER: usize = 4096;

/// A connection as the broker's machine accepts it.
pub(super) struct Arrival {
    pub(super) stream: DuplexStream,
    pub(super) link: Link,
}

/// The network, for the board that uses it and the test that sets its conditions.
#[derive(Clone)]
pub(super) struct SimulatedNetwork {
    conditions: Rc<RefCell<Conditions>>,
    faults: Rc<RefCell<VecDeque<Vec<Fault>>>>,
    random: Rc<RefCell<StdRng>>,
    segments: Rc<Cell<u64>>,
    /// Bytes that the newest connection has carried, to the broker and to the device.
    carried: Rc<RefCell<[Rc<Cell<usize>>; 2]>>,
    log: EventLog,
    arrivals: mpsc::UnboundedSender<Arrival>,
}

impl SimulatedNetwork {
    /// Good conditions; connections arrive at the receiver.
    pub(super) fn new(seed: u64, log: EventLog) -> (Self, mpsc::UnboundedReceiver<Arrival>) {
        let (arrivals, receiver) = mpsc::unbounded_channel();
        let network = Self {
            conditions: Rc::new(RefCell::new(Conditions::GOOD)),
            faults: Rc::default(),
            random: Rc::new(RefCell::new(StdRng::seed_from_u64(seed))),
            segments: Rc::default(),
            carried: Rc::default(),
            log,
            arrivals,
        };
        (network, receiver)
    }

    /// Sets the conditions, for connections that exist too.
    pub(super) fn set_conditions(&self, conditions: Conditions) {
        *self.conditions.borrow_mut() = conditions;
    }

    /// The conditions now.
    pub(super) fn conditions(&self) -> Conditions {
        self.conditions.borrow().clone()
    }

    /// Plans faults for the first connection that has none planned yet.
    pub(super) fn plan_faults(&self, faults: impl Into<Vec<Fault>>) {
        self.faults.borrow_mut().push_back(faults.into());
    }

    /// Connections with planned faults that have not been made yet.
    pub(super) fn planned(&self) -> usize {
        self.faults.borrow().len()
    }

    /// Bytes that the newest connection has carried this way.
    pub(super) fn carried(&self, direction: Direction) -> usize {
        self.carried.borrow()[direction as usize].get()
    }

    /// Segments there have been.
    pub(super) fn segments(&self) -> u64 {
        self.segments.get()
    }

    fn path(&self, direction: Direction, faults: &[Fault]) -> OneWayPath {
        let carried = Rc::<Cell<_>>::default();
        self.carried.borrow_mut()[direction as usize] = Rc::clone(&carried);
        let fault = faults.iter().find(|fault| fault.direction == direction);
        OneWayPath {
            conditions: Rc::clone(&self.conditions),
            random: Rc::clone(&self.random),
            fault: fault.map(|fault| (fault.after, fault.kind)),
            is_blackholed: false,
            last_due: Instant::now(),
            segments: Rc::clone(&self.segments),
            carried,
        }
    }

    fn link(&self) -> Socket {
        let faults = self.faults.borrow_mut().pop_front().unwrap_or_default();
        let broken = Rc::<Cell<_>>::default();
        let (stream, device) = duplex(SOCKET_BUFFER);
        let (broker, accepted) = duplex(SOCKET_BUFFER);
        let link = Link {
            device,
            broker,
            to_broker: self.path(Direction::ToBroker, &faults),
            to_device: self.path(Direction::ToDevice, &faults),
            broken: Rc::clone(&broken),
        };
        assert!(self.arrivals.send(Arrival { stream: accepted, link }).is_ok(), "nobody accepts connections");
        Socket { stream, broken, conditions: Rc::clone(&self.conditions) }
    }
}

impl Network for SimulatedNetwork {
    type Connection<'n> = Socket;

    async fn connect(&mut self, _host: &str, _port: u16) -> Result<Socket, ConnectError> {
        self.log.record(Event::Attempt);
        let (connecting, delay) = {
            let conditions = self.conditions.borrow();
            (conditions.connecting, conditions.delay)
        };
        match connecting {
            ConnectOutcome::Succeeds => {
                sleep(2 * delay).await;
                Ok(self.link())
            }
            ConnectOutcome::NoLink => Err(ConnectError::NoLink),
            ConnectOutcome::NameFails => {
                sleep(5 * SECOND).await;
                Err(ConnectError::Name)
            }
            ConnectOutcome::Refused => {
                sleep(2 * delay).await;
                Err(ConnectError::Refused)
            }
            ConnectOutcome::TimesOut => {
                sleep(2 * MINUTE).await;
                Err(ConnectError::Unreachable)
            }
            ConnectOutcome::Hangs => std::future::pending().await,
        }
    }
}

/// The device's end of a connection.
pub(super) struct Socket {
    stream: DuplexStream,
    broken: Rc<Cell<Option<Broken>>>,
    conditions: Rc<RefCell<Conditions>>,
}

impl Socket {
    fn error(&self) -> ErrorKind {
        match self.broken.get() {
            Some(Broken::Reset) => ErrorKind::ConnectionReset,
            Some(Broken::Closed) | None => ErrorKind::BrokenPipe,
        }
    }
}

impl ErrorType for Socket {
    type Error = ErrorKind;
}

impl Read for Socket {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, ErrorKind> {
        match self.stream.read(into).await {
            Ok(0) if self.broken.get() == Some(Broken::Reset) => Err(ErrorKind::ConnectionReset),
            Ok(length) => Ok(length),
            Err(_) => Err(self.error()),
        }
    }
}

impl Write for Socket {
    async fn write(&mut self, from: &[u8]) -> Result<usize, ErrorKind> {
        self.stream.write(from).await.map_err(|_| self.error())
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        let flush = self.conditions.borrow().flush;
        if !flush.is_zero() {
            sleep(flush).await;
        }
        self.stream.flush().await.map_err(|_| self.error())
    }
}
