//! Time, as a board has it.

use core::pin::Pin;
use core::time::Duration;

use embassy_futures::select::{Either, select};

/// A board's clock.
pub trait Clock {
    /// Time since some moment that stays the same until the next boot. Never goes back.
    fn now(&self) -> Duration;

    /// Unix seconds, from a clock that can be trusted: battery backed, or set by an authenticated source. A board
    /// without one says `None` and judges certificates by its [time floor](crate::time_floor).
    fn unix_time(&self) -> Option<u64>;

    /// Waits until [`now`](Self::now) is at least `at`. May be dropped.
    fn sleep_until(&self, at: Duration) -> impl Future<Output = ()>;
}

/// What `future` comes to, or `None` once it is `at`; the caller drops it then.
///
/// It is pinned where it is, for a large one that is handed over lies in the frames of both sides.
pub async fn within<C: Clock, F: Future>(clock: &C, at: Duration, future: Pin<&mut F>) -> Option<F::Output> {
    match select(future, clock.sleep_until(at)).await {
        Either::First(output) => Some(output),
        Either::Second(()) => None,
    }
}
