//! What the firmware around the agent does.

use core::time::Duration;

use crate::command::Command;
use crate::mqtt::ReasonCode;
use crate::session::State;
use crate::telemetry::{Message, Queue};

use super::ending::{Cause, Ended};

/// The firmware's own part: it has something to say, and obeys.
pub trait Application {
    /// Waits until there is something to say, and puts it into `queue`. Called whether there is a connection or not, but
    /// not while one is being made, nor while a command is obeyed.
    ///
    /// It is dropped whenever something else happens, and called again: what it waits for must not be lost then, and
    /// what it has put into `queue` must not come again. Waiting on a channel of embassy-sync is right as it is. If
    /// there is no room for what it has to say, it waits for ever ([`pending`](core::future::pending)): room is only
    /// made by something else that happens.
    fn produce(&mut self, queue: &mut Queue<'_>) -> impl Future<Output = Wish>;

    /// Does what `command` says, and puts the result into `queue`. The broker gets its acknowledgement afterwards.
    ///
    /// Not dropped while it waits, unless the connection breaks; then the command comes again.
    fn obey(&mut self, command: Command<'_>, queue: &mut Queue<'_>) -> impl Future<Output = ()>;

    /// The session has changed its state.
    fn changed(&mut self, change: Change<'_>) {
        let _ = change;
    }

    /// The broker has a message of QoS 1, and answers for it from now on. A broker that takes no more than QoS 0 never
    /// says so; then it has gone out, and nothing more will ever be known of it.
    fn delivered(&mut self, message: Message<'_>) {
        let _ = message;
    }

    /// The broker does not want a message, and why; or it is longer than the broker takes
    /// ([`PACKET_TOO_LARGE`](ReasonCode::PACKET_TOO_LARGE)). The message is gone.
    fn rejected(&mut self, message: Message<'_>, reason: ReasonCode) {
        let _ = (message, reason);
    }
}

/// How to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// As before.
    Continue,
    /// Say `offline` and leave; [`Agent::run`](super::Agent::run) returns. What the broker has not got stays queued.
    Leave,
}

/// A change of state.
#[derive(Clone, Copy, Debug)]
pub struct Change<'e> {
    /// The new state.
    pub state: State,
    /// Why the connection or the attempt ended, if one did.
    pub ended: Option<&'e Ended>,
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
