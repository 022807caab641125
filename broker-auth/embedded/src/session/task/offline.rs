//! A session without its client: it keeps what arrives, until the client is back or the session has expired.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::{SessionTask, receive};
use crate::session::command::Command;
use crate::session::end::SessionEnd;
use crate::session::hub::stopped;
use crate::session::termination::OfflineExit;

/// How soon an engine that was busy is asked again.
const ENGINE_RETRY: Duration = Duration::from_millis(100);

impl SessionTask {
    /// Waits for the client to come back. What arrives meanwhile is kept.
    pub(super) async fn run_offline(&mut self) -> OfflineExit {
        let gone = Instant::now();
        let mut changes = self.recheck.changes();
        // What changed while the connection was being closed.
        if self.is_revoked() {
            return OfflineExit::Expired;
        }
        // An expiry too far away to be an instant is as good as never.
        let never = gone + Duration::from_secs(u64::from(u32::MAX));
        let expires = gone.checked_add(self.state.expiry()).unwrap_or(never);
        loop {
            let wake = self.state.will_due(gone).map_or(expires, |due| due.min(expires));
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Attach(client)) => return OfflineExit::Connected(client),
                    Some(Command::Kick(done)) => return OfflineExit::Kicked(done),
                    None => return OfflineExit::Expired,
                },
                received = receive(&mut self.link) => {
                    match self.gather(received).await {
                        Ok(()) => {}
                        Err(SessionEnd::EngineStopped) => return OfflineExit::Expired,
                        // There is a new router, and it is busy.
                        Err(_) => sleep(ENGINE_RETRY).await,
                    }
                    self.state.note_sizes();
                }
                changed = changes.changed() => {
                    if changed.is_err() || self.is_revoked() {
                        return OfflineExit::Expired;
                    }
                }
                () = sleep_until(wake) => {
                    if expires <= Instant::now() {
                        return OfflineExit::Expired;
                    }
                    if let Some(will) = self.state.take_will() {
                        self.publish_will(will).await;
                    }
                }
                () = stopped(&mut self.stopping) => {
                    self.take_what_is_on_its_way().await;
                    self.state.count_undelivered(Instant::now());
                    return OfflineExit::Expired;
                }
            }
        }
    }

    /// Whether the device was revoked, and comes back with no other certificate.
    fn is_revoked(&mut self) -> bool {
        self.judge_again().is_err_and(|refusal| refusal.ends_session())
    }
}
