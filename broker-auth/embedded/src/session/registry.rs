//! [`Registry`]: from a client id to the task that owns its session.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::command::Command;
use super::info::SessionInfo;
use crate::admitted_client::AdmittedClient;
use authenticator::identity::{Client, Identity};
use authenticator::policy::ClientId;
use authenticator::reason::{Reason, Refusal};

/// Connections that may wait for one session to take them over. More than one at a time means that a client id is
/// fought over.
const MAILBOX: usize = 4;

/// All sessions of a broker.
pub struct Registry {
    sessions: Mutex<Sessions>,
    /// How many there may be, connected or kept.
    limit: usize,
}

#[derive(Default)]
struct Sessions {
    by_client_id: HashMap<ClientId, Entry>,
    count_of: HashMap<Identity, usize>,
}

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
pub enum Unrouted {
    /// The client id has a session of another identity.
    Refused(Box<AdmittedClient>, Refusal),
    /// Too many connections wait for this session already.
    Busy(Box<AdmittedClient>),
    /// There is no room for another session.
    Full(Box<AdmittedClient>),
    /// There is no room for another session of this identity.
    FullIdentity(Box<AdmittedClient>),
}

/// A name that stands for several identities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmbiguousName {
    /// The name.
    pub name: String,
    /// The identities, with their namespaces.
    pub identities: Vec<String>,
}

/// One session, for an operator.
pub struct Listed {
    pub client_id: ClientId,
    pub identity: Identity,
    pub info: Arc<SessionInfo>,
}

impl Sessions {
    fn insert(&mut self, client_id: ClientId, entry: Entry) {
        *self.count_of.entry(entry.identity.clone()).or_default() += 1;
        self.by_client_id.insert(client_id, entry);
    }

    fn remove(&mut self, client_id: &ClientId) {
        let Some(entry) = self.by_client_id.remove(client_id) else { return };
        if let Some(count) = self.count_of.get_mut(&entry.identity) {
            *count -= 1;
            if *count == 0 {
                self.count_of.remove(&entry.identity);
            }
        }
    }
}

impl Sessions {
    /// The sessions that `name` stands for.
    fn named(&self, name: &str) -> Result<impl Iterator<Item = &Entry>, AmbiguousName> {
        let is_identity = |identity: &Identity| match name.split_once('/') {
            Some((namespace, name)) => identity.namespace().as_str() == namespace && identity.name() == name,
            None => identity.name() == name,
        };
        let identities: BTreeSet<_> =
            self.count_of.keys().filter(|identity| is_identity(identity)).cloned().collect();
        if identities.len() > 1 {
            let identities = identities.iter().map(Identity::qualified).collect();
            return Err(AmbiguousName { name: name.to_owned(), identities });
        }
        let identity = identities.into_iter().next();
        let name = name.to_owned();
        let is_wanted = move |(client_id, entry): &(&ClientId, &Entry)| match &identity {
            Some(identity) => entry.identity == *identity,
            None => client_id.as_str() == name,
        };
        Ok(self.by_client_id.iter().filter(is_wanted).map(|(_, entry)| entry))
    }
}

impl Registry {
    /// A registry with room for `limit` sessions, connected or kept.
    pub fn new(limit: usize) -> Self {
        Self { sessions: Mutex::default(), limit }
    }

    /// Hands a connection to the session of its client id, which is created if there is none.
    ///
    /// The permit was found to cover the client id; still a session belongs to the *identity* that
    /// opened it, and no other takes it over, whatever client ids a policy leaves free.
    ///
    /// `start` is given a new session's mailbox and first client.
    pub(super) fn attach(
        &self,
        client: Box<AdmittedClient>,
        start: impl FnOnce(Arc<SessionInfo>, mpsc::Receiver<Command>, Box<AdmittedClient>),
    ) -> Result<(), Unrouted> {
        let mut sessions = self.sessions.lock();
        let client_id = client.client_id().clone();
        let mut client = client;
        if let Some(entry) = sessions.by_client_id.get(&client_id) {
            if entry.identity != *client.identity() {
                let evidence = format!("the client id {client_id:?} has a session of another identity");
                return Err(Unrouted::Refused(client, Refusal::new(Reason::ClientIdMismatch, evidence)));
            }
            match entry.mailbox.try_send(Command::Attach(client)) {
                Ok(()) => return Ok(()),
                Err(mpsc::error::TrySendError::Full(Command::Attach(back))) => {
                    return Err(Unrouted::Busy(back));
                }
                // The task is gone (it panicked, or it would have left the registry): start over.
                Err(mpsc::error::TrySendError::Closed(Command::Attach(back))) => {
                    client = back;
                    sessions.remove(&client_id);
                }
                Err(_) => return Ok(()),
            }
        }
        let own = sessions.count_of.get(client.identity()).copied().unwrap_or(0);
        if own >= client.limits.max_sessions_per_identity {
            return Err(Unrouted::FullIdentity(client));
        }
        if sessions.by_client_id.len() >= self.limit {
            return Err(Unrouted::Full(client));
        }
        let (mailbox, commands) = mpsc::channel(MAILBOX);
        let info = Arc::new(SessionInfo::default());
        let entry = Entry { identity: client.identity().clone(), mailbox, info: Arc::clone(&info) };
        sessions.insert(client_id, entry);
        start(info, commands, client);
        Ok(())
    }

    /// A session's task leaves. `commands` is its mailbox: if a connection has come in meanwhile the session stays
    /// registered, and the connection is returned.
    pub(super) fn leave(
        &self,
        client_id: &ClientId,
        commands: &mut mpsc::Receiver<Command>,
    ) -> Option<Box<AdmittedClient>> {
        let mut sessions = self.sessions.lock();
        // `attach` sends under the same lock, so nothing can come in between.
        while let Ok(command) = commands.try_recv() {
            match command {
                Command::Attach(client) => return Some(client),
                Command::Kick(done) => drop(done),
            }
        }
        sessions.remove(client_id);
        None
    }

    /// Closes the sessions that `name` stands for, and waits until their sockets are closed. Returns how many there were.
    ///
    /// A name is that of an identity, with its namespace (`namespace/name`) or alone, or else a client id. What a client
    /// chose as its id never stands for another client.
    ///
    /// # Errors
    /// It stands for several identities.
    pub async fn kick(&self, name: &str) -> Result<usize, AmbiguousName> {
        let mailboxes: Vec<_> =
            self.sessions.lock().named(name)?.map(|entry| entry.mailbox.clone()).collect();
        let count = mailboxes.len();
        let mut closing = Vec::new();
        for mailbox in mailboxes {
            let (done, closed) = oneshot::channel();
            if mailbox.send(Command::Kick(done)).await.is_ok() {
                closing.push(closed);
            }
        }
        for closed in closing {
            // An error means that it was closed already.
            let _ = closed.await;
        }
        Ok(count)
    }

    /// A connected client that `name` stands for, as in [`Self::kick`].
    ///
    /// # Errors
    /// It stands for several identities.
    pub fn client(&self, name: &str) -> Result<Option<Client>, AmbiguousName> {
        let sessions = self.sessions.lock();
        let connected = sessions.named(name)?.find_map(|entry| entry.info.connection());
        Ok(connected.map(|connection| connection.client))
    }

    /// Every session there is.
    pub fn list(&self) -> Vec<Listed> {
        let sessions = self.sessions.lock();
        let mut list: Vec<_> = sessions
            .by_client_id
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
    pub fn count(&self) -> usize {
        self.sessions.lock().by_client_id.values().filter(|entry| entry.lives()).count()
    }
}
