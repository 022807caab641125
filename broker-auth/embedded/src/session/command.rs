//! [`Command`]: what a session's task is told by others.

use tokio::sync::oneshot;

use crate::admitted_client::AdmittedClient;

/// What a session's task is told.
pub(super) enum Command {
    /// Its client has connected.
    Attach(Box<AdmittedClient>),
    /// An operator wants it gone; the answer follows when its socket is closed.
    Kick(oneshot::Sender<()>),
}
