//! [`Recheck`]: what a live session asks about the proof that it rests on.

use authenticator::decide::Standing;
use authenticator::policy::{ClientId, Permit};
use authenticator::reason::Refusal;
use rustls_pki_types::UnixTime;
use tokio::sync::watch;

/// The port to what judges live sessions again.
pub trait Recheck: Send + Sync {
    /// Changes whenever the answer of [`Self::recheck`] may have changed by anything but the time.
    fn changes(&self) -> watch::Receiver<u64>;

    /// The time that sessions are judged by.
    fn now(&self) -> UnixTime;

    /// Judges a session again, now, that was opened by `permit` under `client_id`.
    ///
    /// # Errors
    /// It must end.
    fn recheck(&self, permit: &Permit, client_id: &ClientId) -> Result<Standing, Refusal>;
}
