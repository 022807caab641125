//! [`Recheck`]: what a live session asks about the proof that it rests on.

use authenticator::identity::VerifiedClient;
use authenticator::reason::Refusal;
use tokio::sync::watch;

/// The port to what judges live sessions again.
pub trait Recheck: Send + Sync {
    /// Changes whenever the answer of [`Self::recheck`] may have changed by anything but the time.
    fn changes(&self) -> watch::Receiver<u64>;

    /// Judges the client again, now.
    ///
    /// # Errors
    /// Its session must end.
    fn recheck(&self, client: &VerifiedClient) -> Result<(), Refusal>;
}
