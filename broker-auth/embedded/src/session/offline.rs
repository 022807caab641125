//! A session without its client: it keeps what arrives, until the client is back or the session has expired.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};

use super::end::End;
use super::hub::stopped;
use super::life::Session;
use super::online::receive;
use super::registry::Command;
use crate::admitted_client::AdmittedClient;
use authenticator::reason::Reason;

/// How soon an engine that was busy is asked again.
const RETRY: Duration = Duration::from_millis(100);

/// What ended the solitude.
pub(super) enum Awakened {
    /// The client is back.
    Connected(Box<AdmittedClient>),
    /// The session is over; an operator may wait to hear so.
    Ended(Option<oneshot::Sender<()>>),
}

impl Session {
    /// Whether the device was revoked: what waits for it is nobody's any more. Any other fault may pass.
    fn is_revoked(&self) -> bool {
        self.recheck.recheck(self.permit.client()).is_err_and(|refusal| refusal.reason == Reason::Revoked)
    }

    /// Waits for the client to come back.
    pub(super) async fn alone(&mut self) -> Awakened {
        let gone = Instant::now();
        let mut trust_changed = self.recheck.changes();
        // What changed while the connection was being closed.
        if self.is_revoked() {
            return Awakened::Ended(None);
        }
        // An expiry too far away to be an instant is as good as never.
        let never = gone + Duration::from_secs(u64::from(u32::MAX));
        let expires = gone.checked_add(self.expiry).unwrap_or(never);
        loop {
            let wake = self.will_due(gone).map_or(expires, |due| due.min(expires));
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Attach(next)) => return Awakened::Connected(next),
                    Some(Command::Kick(done)) => return Awakened::Ended(Some(done)),
                    None => return Awakened::Ended(None),
                },
                received = receive(&mut self.link) => {
                    match self.gather(received).await {
                        Ok(()) => {}
                        Err(End::EngineStopped) => return Awakened::Ended(None),
                        // There is a new router, and it is busy.
                        Err(_) => sleep(RETRY).await,
                    }
                    self.note_sizes();
                }
                changed = trust_changed.changed() => {
                    if changed.is_err() || self.is_revoked() {
                        return Awakened::Ended(None);
                    }
                }
                () = sleep_until(wake) => {
                    if expires <= Instant::now() {
                        return Awakened::Ended(None);
                    }
                    self.publish_will().await;
                }
                () = stopped(&mut self.stopping) => {
                    self.settle().await;
                    self.count_undelivered();
                    return Awakened::Ended(None);
                }
            }
        }
    }
}
