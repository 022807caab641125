//! [`Termination`]: what ends a connection, or a session's time without one, and what comes after it.

use authenticator::reason::Refusal;
use tokio::sync::{mpsc, oneshot, watch};

use super::command::Command;
use super::end::SessionEnd;
use super::hub::stopped;
use crate::admitted_client::AdmittedClient;

/// What ends a connection.
pub(super) enum Termination {
    /// The same client has connected again.
    TakenOver(Box<AdmittedClient>),
    /// An operator closes it, and waits to hear that it is done.
    Kicked(oneshot::Sender<()>),
    /// Anything else.
    Ended(SessionEnd),
}

/// What a session does once a connection, or its time without one, has ended.
pub(super) enum NextStep {
    /// It waits for its client, or leaves if it is over.
    Wait,
    /// It serves the next connection.
    Attach(Box<AdmittedClient>),
    /// It leaves, and tells the operator who closed it.
    Confirm(oneshot::Sender<()>),
}

/// How the time without a connection ends.
pub(super) enum OfflineExit {
    /// The client is back.
    Connected(Box<AdmittedClient>),
    /// An operator closes the session, and waits to hear that it is done.
    Kicked(oneshot::Sender<()>),
    /// The session is over.
    Expired,
}

impl From<SessionEnd> for Termination {
    fn from(end: SessionEnd) -> Self {
        Self::Ended(end)
    }
}

impl From<Refusal> for Termination {
    fn from(refusal: Refusal) -> Self {
        Self::Ended(SessionEnd::Refused(refusal))
    }
}

impl Termination {
    /// The end of the connection, and what comes after it.
    pub(super) fn split(self) -> (SessionEnd, NextStep) {
        match self {
            Self::TakenOver(next) => (SessionEnd::TakenOver, NextStep::Attach(next)),
            Self::Kicked(done) => (SessionEnd::Kicked, NextStep::Confirm(done)),
            Self::Ended(end) => (end, NextStep::Wait),
        }
    }
}

/// What another does to a connection.
pub(super) enum Interruption {
    /// It ends.
    Termination(Termination),
    /// What the session rests on may have changed: it is to be judged again.
    Changed,
}

/// Waits until another ends the connection, or changes what it rests on: its client's next one, an operator, the
/// certificate's issuer, or the end of the broker. Cancelling the future loses nothing.
pub(super) async fn wait_for_interruption(
    commands: &mut mpsc::Receiver<Command>,
    stopping: &mut watch::Receiver<bool>,
    changes: &mut watch::Receiver<u64>,
) -> Interruption {
    Interruption::Termination(tokio::select! {
        command = commands.recv() => match command {
            Some(Command::Attach(next)) => Termination::TakenOver(next),
            Some(Command::Kick(done)) => Termination::Kicked(done),
            None => Termination::Ended(SessionEnd::Stopping),
        },
        changed = changes.changed() => match changed {
            Ok(()) => return Interruption::Changed,
            Err(_) => Termination::Ended(SessionEnd::Stopping),
        },
        () = stopped(stopping) => Termination::Ended(SessionEnd::Stopping),
    })
}
