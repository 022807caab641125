//! Who has a session: client id to the task that owns it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::hub::Hub;
use super::info::SessionInfo;
use super::life::{self, Arriving};
use crate::identity::Identity;
use crate::policy::ClientId;
use crate::reason::{Reason, Refusal};

/// Connections that may wait for one session to take them over. More than one at a time means that a client id is
/// fought over.
const MAILBOX: usize = 4;

/// What a session's task is told.
pub(super) enum Command {
    /// Its client has connected.
    Attach(Box<Arriving>),
    /// An operator wants it gone; the answer follows when its socket is closed.
    Kick(oneshot::Sender<()>),
}

/// All sessions of a broker.
#[derive(Default)]
pub(crate) struct Registry(Mutex<HashMap<ClientId, Entry>>);

struct Entry {
    identity: Identity,
    mailbox: mpsc::Sender<Command>,
    info: Arc<SessionInfo>,
}

impl Entry {
    /// Whether its task runs. One that panicked could not leave the registry; its client's next connection replaces
    /// the entry.
    fn lives(&self) -> bool {
        !self.mailbox.is_closed()
    }
}

/// Why a connection found no session.
pub(crate) enum Unrouted {
    /// The client id has a session of somebody else.
    Refused(Box<Arriving>, Refusal),
    /// Too many connections wait for this session already.
    Busy(Box<Arriving>),
}

/// One session, for an operator.
pub(crate) struct Listed {
    pub(crate) client_id: ClientId,
    pub(crate) identity: Identity,
    pub(crate) info: Arc<SessionInfo>,
}

impl Registry {
    /// Hands a connection to the session of its client id, which is created if there is none.
    ///
    /// Whoever holds the permit has been found to own the client id; still a session belongs to the *identity* that
    /// opened it, and no other takes it over, whatever client ids a policy leaves free.
    pub(crate) fn attach(&self, hub: &Arc<Hub>, arriving: Box<Arriving>) -> Result<(), Unrouted> {
        let mut sessions = self.lock();
        let client_id = arriving.client_id().clone();
        let mut arriving = arriving;
        if let Some(entry) = sessions.get(&client_id) {
            if entry.identity != *arriving.identity() {
                let evidence = format!("the client id {client_id:?} has a session of another identity");
                return Err(Unrouted::Refused(arriving, Refusal::new(Reason::ClientIdMismatch, evidence)));
            }
            match entry.mailbox.try_send(Command::Attach(arriving)) {
                Ok(()) => return Ok(()),
                Err(mpsc::error::TrySendError::Full(Command::Attach(back))) => {
                    return Err(Unrouted::Busy(back));
                }
                // The task is gone (it panicked, or it would have left the registry): start over.
                Err(mpsc::error::TrySendError::Closed(Command::Attach(back))) => arriving = back,
                Err(_) => return Ok(()),
            }
        }
        let (mailbox, commands) = mpsc::channel(MAILBOX);
        let info = Arc::new(SessionInfo::default());
        let entry = Entry { identity: arriving.identity().clone(), mailbox, info: Arc::clone(&info) };
        sessions.insert(client_id, entry);
        tokio::spawn(life::run(Arc::clone(hub), info, commands, arriving));
        Ok(())
    }

    /// A session's task leaves. `commands` is its mailbox: if a connection has come in meanwhile the session stays
    /// registered, and the connection is returned.
    pub(super) fn leave(
        &self,
        client_id: &ClientId,
        commands: &mut mpsc::Receiver<Command>,
    ) -> Option<Box<Arriving>> {
        let mut sessions = self.lock();
        // `attach` sends under the same lock, so nothing can come in between.
        while let Ok(command) = commands.try_recv() {
            match command {
                Command::Attach(arriving) => return Some(arriving),
                Command::Kick(done) => drop(done),
            }
        }
        sessions.remove(client_id);
        None
    }

    /// Closes the sessions of an identity or client id, and waits until their sockets are closed. Returns how many
    /// there were.
    pub(crate) async fn kick(&self, name: &str) -> usize {
        let mailboxes: Vec<_> = self
            .lock()
            .iter()
            .filter(|(client_id, entry)| client_id.as_str() == name || entry.identity.as_str() == name)
            .map(|(_, entry)| entry.mailbox.clone())
            .collect();
        let count = mailboxes.len();
        for mailbox in mailboxes {
            let (done, closed) = oneshot::channel();
            if mailbox.send(Command::Kick(done)).await.is_ok() {
                // An error means that it was closed already.
                let _ = closed.await;
            }
        }
        count
    }

    /// Every session there is.
    pub(crate) fn list(&self) -> Vec<Listed> {
        let sessions = self.lock();
        let mut list: Vec<_> = sessions
            .iter()
            .filter(|(_, entry)| entry.lives())
            .map(|(client_id, entry)| Listed {
                client_id: client_id.clone(),
                identity: entry.identity.clone(),
                info: Arc::clone(&entry.info),
            })
            .collect();
        list.sort_by(|a, b| a.client_id.cmp(&b.client_id));
        list
    }

    /// How many sessions there are, connected or not.
    pub(crate) fn len(&self) -> usize {
        self.lock().values().filter(|entry| entry.lives()).count()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ClientId, Entry>> {
        // Every change is a single insert or remove.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
