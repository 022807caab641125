//! What becomes of bytes on their way in one direction.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use rand::Rng as _;
use rand::rngs::StdRng;
use tokio::time::Instant;

/// How good the network is. Chances are per segment.
#[derive(Clone, Debug)]
pub(super) struct Conditions {
    /// What becomes of the attempt to connect.
    pub(super) connecting: Connecting,
    /// Bytes of the longest segment; each one is cut anywhere.
    pub(super) longest_segment: usize,
    /// The shortest time on the way, and the most that comes on top.
    pub(super) delay: Duration,
    pub(super) jitter: Duration,
    /// A segment is lost; it is sent again after a time that doubles, and nothing overtakes it.
    pub(super) loss: f64,
    /// From this segment on nothing arrives any more, and nobody is told.
    pub(super) vanishing: f64,
    /// The connection is reset.
    pub(super) reset: f64,
    /// Bytes change places, and TCP's checksum does not see it.
    pub(super) disorder: f64,
    /// How long a flush waits. A stack may wait until the other end has acknowledged what it got.
    pub(super) flush: Duration,
}

/// What becomes of an attempt to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connecting {
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
        connecting: Connecting::Succeeds,
        longest_segment: 1460,
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        loss: 0.0,
        vanishing: 0.0,
        reset: 0.0,
        disorder: 0.0,
        flush: Duration::ZERO,
    };
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    ToBroker,
    ToDevice,
}

/// Something that happens to one connection at one byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mishap {
    pub(super) direction: Direction,
    /// So many bytes arrive as they should.
    pub(super) after: usize,
    pub(super) what: What,
}

/// What happens.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
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

/// The way in one direction of one connection.
pub(super) struct Course {
    pub(super) conditions: Rc<RefCell<Conditions>>,
    pub(super) random: Rc<RefCell<StdRng>>,
    /// At which byte, counted from here, what happens.
    pub(super) mishap: Option<(usize, What)>,
    /// Whether nothing arrives any more.
    pub(super) vanished: bool,
    /// When the segment before arrives: nothing overtakes it.
    pub(super) last_due: Instant,
    /// Segments there have been in this world.
    pub(super) segments: Rc<Cell<u64>>,
    /// Bytes that have come this way.
    pub(super) carried: Rc<Cell<usize>>,
}

impl Course {
    /// The longest segment now.
    pub(super) fn longest(&self) -> usize {
        self.random.borrow_mut().random_range(1..=self.conditions.borrow().longest_segment)
    }

    /// Sends bytes on their way; `None` if they go nowhere.
    pub(super) fn send(&mut self, mut bytes: Vec<u8>) -> Vec<Segment> {
        self.segments.set(self.segments.get() + 1);
        self.carried.set(self.carried.get() + bytes.len());
        if self.vanished {
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
        if random.random_bool(conditions.vanishing) {
            self.vanished = true;
            return Vec::new();
        }
        if random.random_bool(conditions.reset) {
            self.vanished = true;
            return vec![Segment::Break { due, how: Broken::Reset }];
        }
        if random.random_bool(conditions.disorder) {
            let (one, other) = (random.random_range(0..bytes.len()), random.random_range(0..bytes.len()));
            bytes.swap(one, other);
        }
        drop((conditions, random));
        match self.mishap {
            Some((after, what)) if after < bytes.len() => {
                self.mishap = None;
                self.befall(after, what, due, bytes)
            }
            Some((after, what)) => {
                self.mishap = Some((after - bytes.len(), what));
                vec![Segment::Bytes { due, bytes }]
            }
            None => vec![Segment::Bytes { due, bytes }],
        }
    }

    fn befall(&mut self, after: usize, what: What, due: Instant, mut bytes: Vec<u8>) -> Vec<Segment> {
        if let What::Flip(bits) = what {
            bytes[after] ^= bits;
            return vec![Segment::Bytes { due, bytes }];
        }
        self.vanished = true;
        bytes.truncate(after);
        let before = Segment::Bytes { due, bytes };
        match what {
            What::Close => vec![before, Segment::Break { due, how: Broken::Closed }],
            What::Reset => vec![before, Segment::Break { due, how: Broken::Reset }],
            What::Silence | What::Flip(_) => vec![before],
        }
    }
}
