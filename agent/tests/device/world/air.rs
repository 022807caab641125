//! The network between the board and the broker: the port the board lends, and how good it is at the moment.

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

use super::chronicle::{Chronicle, Event};
use super::course::{Broken, Conditions, Connecting, Course, Direction, Mishap};
use super::link::Link;
use super::{MINUTE, SECOND};

/// What a socket holds before the network or the reader takes it.
const SOCKET_BUFFER: usize = 4096;

/// A connection as the broker's machine sees it come.
pub(super) struct Arrival {
    pub(super) stream: DuplexStream,
    pub(super) link: Link,
}

/// The network, for the board that uses it and the test that spoils it.
#[derive(Clone)]
pub(super) struct Air {
    conditions: Rc<RefCell<Conditions>>,
    mishaps: Rc<RefCell<VecDeque<Vec<Mishap>>>>,
    random: Rc<RefCell<StdRng>>,
    segments: Rc<Cell<u64>>,
    /// Bytes that the newest connection has carried, to the broker and to the device.
    carried: Rc<RefCell<[Rc<Cell<usize>>; 2]>>,
    chronicle: Chronicle,
    arrivals: mpsc::UnboundedSender<Arrival>,
}

impl Air {
    /// Good conditions; connections arrive at the receiver.
    pub(super) fn new(seed: u64, chronicle: Chronicle) -> (Self, mpsc::UnboundedReceiver<Arrival>) {
        let (arrivals, receiver) = mpsc::unbounded_channel();
        let air = Self {
            conditions: Rc::new(RefCell::new(Conditions::GOOD)),
            mishaps: Rc::default(),
            random: Rc::new(RefCell::new(StdRng::seed_from_u64(seed))),
            segments: Rc::default(),
            carried: Rc::default(),
            chronicle,
            arrivals,
        };
        (air, receiver)
    }

    /// From now on it is like this, for connections that exist too.
    pub(super) fn become_like(&self, conditions: Conditions) {
        *self.conditions.borrow_mut() = conditions;
    }

    /// How it is.
    pub(super) fn conditions(&self) -> Conditions {
        self.conditions.borrow().clone()
    }

    /// What happens to the connection after those that something is planned for already.
    pub(super) fn plan(&self, mishaps: impl Into<Vec<Mishap>>) {
        self.mishaps.borrow_mut().push_back(mishaps.into());
    }

    /// Connections that something is planned for, and that have not been made yet.
    pub(super) fn planned(&self) -> usize {
        self.mishaps.borrow().len()
    }

    /// Bytes that the newest connection has carried this way.
    pub(super) fn carried(&self, direction: Direction) -> usize {
        self.carried.borrow()[direction as usize].get()
    }

    /// Segments there have been.
    pub(super) fn segments(&self) -> u64 {
        self.segments.get()
    }

    fn course(&self, direction: Direction, mishaps: &[Mishap]) -> Course {
        let carried = Rc::<Cell<_>>::default();
        self.carried.borrow_mut()[direction as usize] = Rc::clone(&carried);
        let mishap = mishaps.iter().find(|mishap| mishap.direction == direction);
        Course {
            conditions: Rc::clone(&self.conditions),
            random: Rc::clone(&self.random),
            mishap: mishap.map(|mishap| (mishap.after, mishap.what)),
            vanished: false,
            last_due: Instant::now(),
            segments: Rc::clone(&self.segments),
            carried,
        }
    }

    fn link(&self) -> Socket {
        let mishaps = self.mishaps.borrow_mut().pop_front().unwrap_or_default();
        let fate = Rc::<Cell<_>>::default();
        let (stream, device) = duplex(SOCKET_BUFFER);
        let (broker, accepted) = duplex(SOCKET_BUFFER);
        let link = Link {
            device,
            broker,
            to_broker: self.course(Direction::ToBroker, &mishaps),
            to_device: self.course(Direction::ToDevice, &mishaps),
            fate: Rc::clone(&fate),
        };
        assert!(self.arrivals.send(Arrival { stream: accepted, link }).is_ok(), "nobody accepts connections");
        Socket { stream, fate, conditions: Rc::clone(&self.conditions) }
    }
}

impl Network for Air {
    type Connection<'n> = Socket;

    async fn connect(&mut self, _host: &str, _port: u16) -> Result<Socket, ConnectError> {
        self.chronicle.note(Event::Attempt);
        let (connecting, delay) = {
            let conditions = self.conditions.borrow();
            (conditions.connecting, conditions.delay)
        };
        match connecting {
            Connecting::Succeeds => {
                sleep(2 * delay).await;
                Ok(self.link())
            }
            Connecting::NoLink => Err(ConnectError::NoLink),
            Connecting::NameFails => {
                sleep(5 * SECOND).await;
                Err(ConnectError::Name)
            }
            Connecting::Refused => {
                sleep(2 * delay).await;
                Err(ConnectError::Refused)
            }
            Connecting::TimesOut => {
                sleep(2 * MINUTE).await;
                Err(ConnectError::Unreachable)
            }
            Connecting::Hangs => std::future::pending().await,
        }
    }
}

/// The device's end of a connection.
pub(super) struct Socket {
    stream: DuplexStream,
    fate: Rc<Cell<Option<Broken>>>,
    conditions: Rc<RefCell<Conditions>>,
}

impl Socket {
    fn error(&self) -> ErrorKind {
        match self.fate.get() {
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
            Ok(0) if self.fate.get() == Some(Broken::Reset) => Err(ErrorKind::ConnectionReset),
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
