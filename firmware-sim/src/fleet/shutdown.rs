//! The request to stop: made once, received by every device on every thread.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// The sender of the request.
pub(super) struct Shutdown(watch::Sender<Option<Instant>>);

/// The receiver of the request.
#[derive(Clone)]
pub(super) struct ShutdownSignal(watch::Receiver<Option<Instant>>);

pub(super) fn channel() -> (Shutdown, ShutdownSignal) {
    let (sender, receiver) = watch::channel(None);
    (Shutdown(sender), ShutdownSignal(receiver))
}

impl Shutdown {
    /// Asks all devices to stop. They may take `drain` for the acknowledgements that are still to come.
    pub(super) fn request(&self, drain: Duration) {
        self.0.send_replace(Some(Instant::now() + drain));
    }
}

impl ShutdownSignal {
    /// The time until which acknowledgements are awaited. `None`: no stop was requested.
    pub(super) fn deadline(&self) -> Option<Instant> {
        *self.0.borrow()
    }

    /// Waits for the request. Returns the time until which acknowledgements are awaited.
    pub(super) async fn requested(&mut self) -> Instant {
        match self.0.wait_for(Option::is_some).await {
            Ok(deadline) => (*deadline).unwrap_or_else(Instant::now),
            // The sender is gone, so nobody can request it any more.
            Err(_) => Instant::now(),
        }
    }
}
