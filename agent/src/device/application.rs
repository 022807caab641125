//! What the firmware around the agent does.

use core::time::Duration;

use crate::command::Command;
use crate::mqtt::ReasonCode;
use crate::session::State;
use crate::telemetry::{Message, Queue};

use super::connection_end::{Cause, ConnectionEnd};

/// The firmware's own part: it produces messages, and handles commands.
pub trait Application {
    /// Waits until there is a message to send, and puts it into `queue`. Called whether there is a connection or not,
    /// but not while one is being made, nor while a command is handled.
    ///
    /// It is dropped whenever something else happens, and called again: what it waits for must not be lost then, and
    /// what it has put into `queue` must not come again. Waiting on a channel of embassy-sync is right as it is. If
    /// the queue has no room, wait for ever ([`pending`](core::future::pending)): only another event makes room, and
    /// drops this call.
    fn produce(&mut self, queue: &mut Queue<'_>) -> impl Future<Output = Control>;

    /// Carries out `command`, and puts the result into `queue`. The broker gets its acknowledgement afterwards.
    ///
    /// Not dropped while it waits, unless the connection breaks; then the broker sends the command again.
    fn handle_command(&mut self, command: Command<'_>, queue: &mut Queue<'_>) -> impl Future<Output = ()>;

    /// The session has changed its state.
    fn changed(&mut self, change: Change<'_>) {
        let _ = change;
    }

    /// The broker has acknowledged a message of QoS 1. A broker that takes no more than QoS 0 acknowledges nothing;
    /// then the message has been sent, and whether it arrived is not known.
    fn delivered(&mut self, message: Message<'_>) {
        let _ = message;
    }

    /// The broker has refused a message, for this reason; or it is longer than the broker takes
    /// ([`PACKET_TOO_LARGE`](ReasonCode::PACKET_TOO_LARGE)). The message is gone.
    fn rejected(&mut self, message: Message<'_>, reason: ReasonCode) {
        let _ = (message, reason);
    }
}

/// What the application wants the agent to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Go on.
    Continue,
    /// End the session; [`Agent::run`](super::Agent::run) returns. The broker publishes `offline`, and messages it has
    /// not acknowledged stay in the queue.
    Leave,
}

/// A change of state.
#[derive(Clone, Copy, Debug)]
pub struct Change<'e> {
    /// The new state.
    pub state: State,
    /// Why the connection or the attempt ended, if one did.
    pub ended: Option<&'e ConnectionEnd>,
    /// How long until the next attempt, if there is none now.
    pub wait: Option<Duration>,
}

impl Change<'_> {
    /// Into a state in which there is nothing to wait for.
    pub(super) const fn to(state: State) -> Self {
        Self { state, ended: None, wait: None }
    }

    /// What ended the connection or the attempt.
    pub fn cause(&self) -> Option<&Cause> {
        self.ended.map(|ended| &ended.cause)
    }
}
