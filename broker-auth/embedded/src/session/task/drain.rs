//! The broker stops: what it has accepted is still delivered, as far as clients take it in time, and the rest is counted.

use std::time::Duration;

use mqtt::Connection;
use tokio::time::{sleep, timeout};

use super::{SessionTask, receive, reply};
use crate::engine::Link;
use crate::session::effect::Effect;

/// How long clients have to take what waits for them when the broker stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// How often it is looked whether something is still on its way when the broker stops.
const DRAIN_POLL_INTERVAL: Duration = Duration::from_millis(10);

impl SessionTask {
    /// Delivers what waits, and what is still on its way through the engine. Nothing more is accepted from the client but
    /// its acknowledgements.
    pub(super) async fn drain(&mut self, connection: &mut Connection) {
        // Past the deadline, or without a client, what waits is lost.
        let _ = timeout(DRAIN_TIMEOUT, async {
            loop {
                self.fill(connection);
                if self.has_everything() && self.state.is_drained() && !connection.writer.has_work() {
                    return;
                }
                tokio::select! {
                    frame = connection.reader.frame(), if !connection.writer.is_full() => {
                        let Some(packet) = frame.ok().and_then(|frame| connection.decode(frame).ok()) else {
                            return;
                        };
                        let done = match self.state.handle_while_stopping(packet) {
                            Effect::Reply(packet) => reply(connection, packet),
                            Effect::End(end) => Err(end.into()),
                            _ => Ok(()),
                        };
                        if done.is_err() {
                            return;
                        }
                    }
                    written = connection.writer.write_some(), if connection.writer.has_work() => {
                        if written.is_err() {
                            return;
                        }
                    }
                    received = receive(&mut self.link) => {
                        if self.gather(received).await.is_err() {
                            return;
                        }
                    }
                    () = sleep(DRAIN_POLL_INTERVAL) => {}
                }
            }
        })
        .await;
    }

    /// Takes what is still on its way through the engine to a client that is away, to be counted.
    pub(super) async fn take_what_is_on_its_way(&mut self) {
        let _ = timeout(DRAIN_TIMEOUT, async {
            while !self.has_everything() {
                tokio::select! {
                    received = receive(&mut self.link) => {
                        if self.gather(received).await.is_err() {
                            return;
                        }
                    }
                    () = sleep(DRAIN_POLL_INTERVAL) => {}
                }
            }
        })
        .await;
    }

    /// Whether no client publishes any more, and all that was published has come out of the engine.
    fn has_everything(&self) -> bool {
        self.hub.is_quiet()
            && self.hub.engine.is_empty()
            && self.link.as_ref().is_none_or(Link::has_everything)
    }
}
