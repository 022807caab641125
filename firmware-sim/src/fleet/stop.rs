//! The wish to leave: said once, heard by every device on every thread.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Who may wish it.
pub(super) struct Stop(watch::Sender<Option<Instant>>);

/// Who is to hear it.
#[derive(Clone)]
pub(super) struct Stopping(watch::Receiver<Option<Instant>>);

pub(super) fn channel() -> (Stop, Stopping) {
    let (sender, receiver) = watch::channel(None);
    (Stop(sender), Stopping(receiver))
}

impl Stop {
    /// Asks everybody to leave, with `patience` for what is still to be acknowledged.
    pub(super) fn ask(&self, patience: Duration) {
        self.0.send_replace(Some(Instant::now() + patience));
    }
}

impl Stopping {
    /// Until when one must have left, if one is asked to.
    pub(super) fn deadline(&self) -> Option<Instant> {
        *self.0.borrow()
    }

    /// Waits until one is asked to leave; returns by when.
    pub(super) async fn asked(&mut self) -> Instant {
        match self.0.wait_for(Option::is_some).await {
            Ok(deadline) => (*deadline).unwrap_or_else(Instant::now),
            // Whoever could have wished it is gone.
            Err(_) => Instant::now(),
        }
    }
}
