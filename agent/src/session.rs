//! Offline → Connecting → Online, and Refused: when a device tries again, and how long it waits.
//!
//! Owns no socket, no clock and no randomness. The runtime tells it what happened and is told how long to wait.

use core::fmt;
use core::time::Duration;

use crate::backoff::{Backoff, spread};
use crate::ending::Ending;

/// Where the session with the broker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No session; the next attempt is a matter of backoff.
    Offline,
    /// An attempt is under way: from the TCP connect to the CONNACK.
    Connecting,
    /// The broker has accepted the session.
    Online,
    /// The broker refuses this device, and would do so again.
    Refused,
}

impl State {
    /// The state's name, as logs carry it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Connecting => "connecting",
            Self::Online => "online",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The waits of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// First window of the backoff.
    pub base: Duration,
    /// Longest window of the backoff.
    pub cap: Duration,
    /// A session at least this long resets the backoff; a shorter one counts as one more failure.
    pub stable_after: Duration,
    /// Shortest wait after a refusal.
    pub refused: Duration,
}

impl Timing {
    /// The most that counts of a broker's `countersign-retry-after`.
    pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            base: Duration::from_secs(1),
            cap: Duration::from_secs(5 * 60),
            stable_after: Duration::from_secs(60),
            // A revoked fleet that connected every few seconds would be a denial of service on its own broker.
            refused: Duration::from_secs(10 * 60),
        }
    }
}

/// The session's state, and the memory that decides its waits.
#[derive(Clone, Debug)]
pub struct Session {
    state: State,
    timing: Timing,
    backoff: Backoff,
    online_since: Option<Duration>,
}

impl Session {
    /// A session that has not tried yet.
    pub const fn new(timing: Timing) -> Self {
        Self {
            state: State::Offline,
            timing,
            backoff: Backoff::new(timing.base, timing.cap),
            online_since: None,
        }
    }

    /// Where it stands.
    pub const fn state(&self) -> State {
        self.state
    }

    /// An attempt begins. A session whose end was not reported counts as no session.
    pub fn connecting(&mut self) {
        self.state = State::Connecting;
        self.online_since = None;
    }

    /// The broker's CONNACK has accepted. `now` is any monotonic time, the same one as in [`ended`](Self::ended).
    pub fn online(&mut self, now: Duration) {
        self.state = State::Online;
        self.online_since = Some(now);
    }

    /// The device has ended its session itself.
    pub fn left(&mut self) {
        self.state = State::Offline;
        self.online_since = None;
    }

    /// Attempts follow each other as closely as at the beginning: there is a reason to hurry.
    pub fn start_over(&mut self) {
        self.backoff.reset();
    }

    /// The attempt or the session is over. Returns how long to wait before the next attempt.
    ///
    /// `retry_after` is what the broker asked for (`countersign-retry-after`); it lengthens the wait, never
    /// shortens it, and counts for a day at most. `random` is uniform over all of `u32`.
    pub fn ended(
        &mut self,
        ending: Ending,
        retry_after: Option<Duration>,
        now: Duration,
        random: u32,
    ) -> Duration {
        let lasted = self.online_since.take().map_or(Duration::ZERO, |since| now.saturating_sub(since));
        if lasted >= self.timing.stable_after {
            self.backoff.reset();
        }
        let wait = match ending {
            Ending::Lost => {
                self.state = State::Offline;
                self.backoff.next_wait(random)
            }
            Ending::Refused => {
                self.state = State::Refused;
                spread_upwards(self.timing.refused, random)
            }
        };
        let asked = retry_after
            .map_or(Duration::ZERO, |asked| spread_upwards(asked.min(Timing::LONGEST_RETRY_AFTER), random));
        wait.max(asked)
    }
}

/// At least `floor`, at most a quarter more: a fleet refused in one second does not return in one second.
fn spread_upwards(floor: Duration, random: u32) -> Duration {
    floor.saturating_add(spread(floor / 4, random))
}
