//! One direction of a connection: when the bytes arrive, and whether they do.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use rand::Rng as _;
use rand::rngs::StdRng;
use tokio::time::Instant;

/// How good the network is. Probabilities are per segment.
#[derive(Clone, Debug)]
pub(super) struct Conditions {
    /// How attempts to connect end.
    pub(super) connecting: ConnectOutcome,
    /// Bytes of the longest segment; each one is cut anywhere.
    pub(super) longest_segment: usize,
    /// The shortest time on the way, and the most that comes on top.
    pub(super) delay: Duration,
    pub(super) jitter: Duration,
    /// A segment is lost; it is sent again after a time that doubles, and nothing overtakes it.
    pub(super) loss: f64,
    /// From this segment on nothing arrives any more, and neither end is told.
    pub(super) blackhole: f64,
    /// The connection is reset.
    pub(super) reset: f64,
    /// Two bytes change places, which TCP's checksum does not detect.
    pub(super) corruption: f64,
    /// How long a flush waits. A stack may wait until the other end has acknowledged what it got.
    pub(super) flush: Duration,
}

/// How an attempt to connect ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectOutcome {
    Succeeds,
    NoLink,
    NameFails,
    Refused,
    /// Unreachable, once the stack has given up.
    TimesOut,
    /// The stack never gives up.
    Hangs,
}

impl Conditions {
    /// Nothing is lost, and it takes no time.
    pub(super) const GOOD: Self = Self {
        connecting: ConnectOutcome::Succeeds,
        longest_segment: 1460,
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        loss: 0.0,
        blackhole: 0.0,
        reset: 0.0,
        corruption: 0.0,
        flush: Duration::ZERO,
    };
}

/// A direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    ToBroker,
    ToDevice,
}

/// A fault of one connection at one byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub(super) direction: Direction,
    /// So many bytes arrive as they should.
    pub(super) after: usize,
    pub(super) kind: FaultKind,
}

/// What a fault does.
#[derive(Clone, Copy, Debug)]
pub(super) enum FaultKind {
    /// Both ends see the end of the stream.
    Close,
    /// The device sees a reset.
    Reset,
    /// Nothing arrives any more in this direction.
    Silence,
    /// These bits of the byte flip.
    Flip(u8),
}

/// How a connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    Closed,
    Reset,
}

/// A segment on its way.
pub(super) enum Segment {
    Bytes { due: Instant, bytes: Vec<u8> },
    Break { due: Instant, how: Broken },
}

/// The shortest time until a lost segment is sent again (RFC 6298 §2.4).
const RETRANSMISSION: Duration = Duration::from_secs(1);

/// One direction of one connection.
pub(super) struct OneWayPath {
    pub(super) conditions: Rc<RefCell<Conditions>>,
    pub(super) random: Rc<RefCell<StdRng>>,
    /// After how many more bytes which fault happens.
    pub(super) fault: Option<(usize, FaultKind)>,
    /// Whether nothing arrives any more.
    pub(super) is_blackholed: bool,
    /// When the segment before arrives: none overtakes it.
    pub(super) last_due: Instant,
    /// Segments there have been in this simulation.
    pub(super) segments: Rc<Cell<u64>>,
    /// Bytes that have come this way.
    pub(super) carried: Rc<Cell<usize>>,
}

impl OneWayPath {
    /// The longest segment now.
    pub(super) fn longest(&self) -> usize {
        self.random.borrow_mut().random_range(1..=self.conditions.borrow().longest_segment)
    }

    /// Sends bytes on their way: the segments that arrive, if any does.
    pub(super) fn send(&mut self, mut bytes: Vec<u8>) -> Vec<Segment> {
        self.segments.set(self.segments.get() + 1);
        self.carried.set(self.carried.get() + bytes.len());
        if self.is_blackholed {
            return Vec::new();
        }
        let conditions = self.conditions.borrow();
        let mut random = self.random.borrow_mut();
        let mut delay = conditions.delay + conditions.jitter.mul_f64(random.random());
        let mut timeout = RETRANSMISSION;
        while random.random_bool(conditions.loss) {
            delay += timeout;
            timeout *= 2;
        }
        let due = self.last_due.max(Instant::now() + delay);
        self.last_due = due;
        if random.random_bool(conditions.blackhole) {
            self.is_blackholed = true;
            return Vec::new();
        }
        if random.random_bool(conditions.reset) {
            self.is_blackholed = true;
            return vec![Segment::Break { due, how: Broken::Reset }];
        }
        if random.random_bool(conditions.corruption) {
            let (one, other) = (random.random_range(0..bytes.len()), random.random_range(0..bytes.len()));
            bytes.swap(one, other);
        }
        drop((conditions, random));
        match self.fault {
            Some((after, kind)) if after < bytes.len() => {
                self.fault = None;
                self.apply_fault(after, kind, due, bytes)
            }
            Some((after, kind)) => {
                self.fault = Some((after - bytes.len(), kind));
                vec![Segment::Bytes { due, bytes }]
            }
            None => vec![Segment::Bytes { due, bytes }],
        }
    }

    fn apply_fault(
        &mut self,
        after: usize,
        kind: FaultKind,
        due: Instant,
        mut bytes: Vec<u8>,
    ) -> Vec<Segment> {
        if let FaultKind::Flip(bits) = kind {
            bytes[after] ^= bits;
            return vec![Segment::Bytes { due, bytes }];
        }
        self.is_blackholed = true;
        bytes.truncate(after);
        let before = Segment::Bytes { due, bytes };
        match kind {
            FaultKind::Close => vec![before, Segment::Break { due, how: Broken::Closed }],
            FaultKind::Reset => vec![before, Segment::Break { due, how: Broken::Reset }],
            FaultKind::Silence | FaultKind::Flip(_) => vec![before],
        }
    }
}
