//! PUBLISH, once the session's state has taken it: room in the engine, and the acknowledgement.

use std::sync::Arc;

use mqtt::Connection;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::{SessionTask, receive, reply};
use crate::engine::PublishPermit;
use crate::session::effect::{Effect, PendingPublish};
use crate::session::end::SessionEnd;
use crate::session::termination::{Termination, wait_for_interruption};

impl SessionTask {
    pub(super) async fn publish(
        &mut self,
        connection: &mut Connection,
        changes: &mut watch::Receiver<u64>,
        pending: PendingPublish,
    ) -> Result<(), Termination> {
        let permit = self.publish_permit(connection, changes, pending.weight()).await?;
        // Nothing waits from here to the acknowledgement, so whatever ends the session finds all of it done, or nothing.
        let (message, acknowledgement) = self.state.publish(pending, Instant::now());
        if let Some(message) = message {
            self.hub.publish(permit, message);
        }
        match acknowledgement {
            Effect::Reply(packet) => reply(connection, packet),
            _ => Ok(()),
        }
    }

    /// Room in the engine for a message that weighs so much. An engine that is behind makes clients wait; it does not
    /// keep one in that is to be disconnected. What it waits for may be this session's own reading, so that goes on, and so
    /// does writing what was read.
    async fn publish_permit(
        &mut self,
        connection: &mut Connection,
        changes: &mut watch::Receiver<u64>,
        weight: usize,
    ) -> Result<PublishPermit, Termination> {
        let hub = Arc::clone(&self.hub);
        if let Some(permit) = hub.engine.room_now(weight) {
            return Ok(permit);
        }
        hub.shared.counters.publishes_delayed.one();
        let mut permit = Box::pin(hub.engine.room(weight));
        loop {
            self.fill(connection);
            tokio::select! {
                interruption = wait_for_interruption(&mut self.commands, &mut self.stopping, changes) => {
                    self.interrupted(interruption)?;
                }
                permit = &mut permit => return permit.map_err(|error| SessionEnd::engine(&error).into()),
                written = connection.writer.write_some(), if connection.writer.has_work() => {
                    written.map_err(SessionEnd::NotReading)?;
                }
                received = receive(&mut self.link) => self.gather(received).await?,
                () = self.member.woken() => yield_now().await,
            }
        }
    }
}
