//! [`Sessions`]: who was admitted, under which client id, by which permit.
//!
//! mosquitto names a client by an address in memory, which another may have later, and a client id, which another may
//! take over without anybody being asked (`use_identity_as_username`). So a permit counts for the very client that it was
//! granted to, and what is still asked about it after its connection has ended is told apart from a newcomer in its place.

mod named;
mod presence;

use std::collections::{BTreeMap, HashMap};

use authenticator::identity::Identity;
use authenticator::policy::{ClientId, Permit};
pub use named::AmbiguousName;
use presence::Presence;

use crate::callbacks::Access;
use crate::client::{Client, ClientHandle, Protocol};

/// Who was admitted. A client id is held by one identity, for as long as mosquitto may keep a session for it.
#[derive(Debug)]
pub struct Sessions {
    by_client_id: HashMap<Box<str>, Session>,
    /// The client ids of those whose connection has ended, by when that was.
    offline: BTreeMap<u64, Box<str>>,
    /// The client ids of those of whom the next tick changes something. mosquitto ticks whenever it has had something to do.
    unsettled: Vec<Box<str>>,
    /// How many connections have ended.
    ends: u64,
    capacity: usize,
}

/// One session: what was granted, and to which client.
#[derive(Debug)]
struct Session {
    client_id: ClientId,
    permit: Permit,
    handle: ClientHandle,
    presence: Presence,
    /// Whom it has taken over, until the next tick: mosquitto still asks about the will of that connection.
    predecessor: Option<ClientHandle>,
    /// Whether it ends with the connection, whatever the client has asked for.
    is_closed: bool,
}

/// Why a client gets no session, though it has a permit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// Another identity holds its client id.
    #[error("the client id is that of a session of {}", .0.qualified())]
    Taken(Identity),
    /// There are too many sessions, and all are connected.
    #[error("there are {0} connected sessions, and no more are kept track of")]
    Full(usize),
}

/// Whether a client that asks for something is the one that was admitted.
#[derive(Clone, Copy, Debug)]
pub enum Standing<'a> {
    /// It is, and this is its permit.
    Admitted(&'a Permit),
    /// It is the session of one that was admitted and has gone. This is asked about its will, or for messages that wait for it.
    Gone(&'a Permit),
    /// It is not, or is not known any more.
    Unknown,
}

impl Sessions {
    /// Nobody, and room for `capacity` sessions.
    pub fn new(capacity: usize) -> Self {
        Self {
            by_client_id: HashMap::new(),
            offline: BTreeMap::new(),
            unsettled: Vec::new(),
            ends: 0,
            capacity,
        }
    }

    /// Admits the client `handle` under `client_id`. It takes the place of an earlier one of the same identity.
    ///
    /// # Errors
    /// Another identity holds the client id, or there is no room.
    pub fn admit(
        &mut self,
        client_id: &ClientId,
        handle: ClientHandle,
        permit: Permit,
    ) -> Result<(), NotAdmitted> {
        let predecessor = match self.by_client_id.get(client_id.as_str()) {
            Some(session) if session.permit.identity() != permit.identity() => {
                return Err(NotAdmitted::Taken(session.permit.identity().clone()));
            }
            Some(session) => {
                (session.handle != handle && session.presence.may_have_will()).then_some(session.handle)
            }
            None => {
                self.make_room()?;
                None
            }
        };
        self.forget(client_id.as_str());
        if predecessor.is_some() {
            self.unsettled.push(client_id.as_str().into());
        }
        let session = Session {
            client_id: client_id.clone(),
            permit,
            handle,
            presence: Presence::Connected,
            predecessor,
            is_closed: false,
        };
        self.by_client_id.insert(client_id.as_str().into(), session);
        Ok(())
    }

    /// Whether [`settle`](Self::settle) would change something.
    pub fn are_unsettled(&self) -> bool {
        !self.unsettled.is_empty()
    }

    /// Whether `client`, which wants `access`, is one that was admitted.
    pub fn standing(&mut self, client: &dyn Client, access: &Access<'_>) -> Standing<'_> {
        let Some(session) = client.id().and_then(|id| self.by_client_id.get_mut(id)) else {
            return Standing::Unknown;
        };
        let handle = client.handle();
        if session.handle == handle {
            let permit = &session.permit;
            return match &mut session.presence {
                Presence::Connected => Standing::Admitted(permit),
                gone => {
                    if gone.is_asked(client, permit, access) {
                        Standing::Gone(permit)
                    } else {
                        Standing::Unknown
                    }
                }
            };
        }
        if session.predecessor == Some(handle) && matches!(access, Access::Publish { .. }) {
            return Standing::Gone(&session.permit);
        }
        Standing::Unknown
    }

    /// The connection of `client` has ended.
    pub fn disconnected(&mut self, client: &dyn Client) {
        let Some(id) = client.id() else { return };
        let Some(session) = self.by_client_id.get_mut(id) else { return };
        if session.handle == client.handle() && matches!(session.presence, Presence::Connected) {
            // MQTT 3.1.1 §3.1.2.4: the session lasts as long as the connection. MQTT 5 has a Session Expiry Interval,
            // which mosquitto keeps to itself.
            let is_clean = client.is_clean() && matches!(client.protocol(), Protocol::V31 | Protocol::V311);
            let ends = is_clean || session.is_closed;
            session.presence = Presence::Leaving { ends, has_published: false };
            self.unsettled.push(id.into());
        }
    }

    /// Ends the session `client_id`: with its connection, if it is connected; then that is the connection of the client
    /// that is returned.
    pub fn close(&mut self, client_id: &str) -> Option<ClientHandle> {
        let session = self.by_client_id.get_mut(client_id)?;
        match session.presence {
            Presence::Connected => {
                session.is_closed = true;
                Some(session.handle)
            }
            Presence::Leaving { .. } | Presence::Offline { .. } => {
                self.forget(client_id);
                None
            }
        }
    }

    /// Every session: its client id, its permit, and whether its client is there.
    pub fn list(&self) -> impl Iterator<Item = (&str, &Permit, bool)> {
        let is_connected = |session: &Session| matches!(session.presence, Presence::Connected);
        self.by_client_id.iter().map(move |(id, session)| (&**id, &session.permit, is_connected(session)))
    }

    /// `client` was refused. If it is one that was admitted, it is no longer.
    pub fn denied(&mut self, client: &dyn Client) {
        if let Some(id) = client.id()
            && self.permit_of(client).is_some()
        {
            self.by_client_id.remove(id);
        }
    }

    /// A tick has come: what mosquitto asks right after the end of a connection has been asked.
    pub fn settle(&mut self) {
        for client_id in std::mem::take(&mut self.unsettled) {
            let Some(session) = self.by_client_id.get_mut(&client_id) else { continue };
            session.predecessor = None;
            match session.presence {
                Presence::Leaving { ends: true, .. } => _ = self.by_client_id.remove(&client_id),
                Presence::Leaving { ends: false, has_published } => {
                    self.ends += 1;
                    session.presence = Presence::Offline { number: self.ends, has_published };
                    self.offline.insert(self.ends, client_id);
                }
                Presence::Connected | Presence::Offline { .. } => {}
            }
        }
    }

    /// Judges sessions again: `judge` says what each may from here on, or that it is over. The client ids of those that are
    /// over and connected.
    pub fn judge(&mut self, mut judge: impl FnMut(&Permit, &ClientId) -> Verdict) -> Vec<Box<str>> {
        let Self { by_client_id, offline, .. } = self;
        let mut closed = Vec::new();
        by_client_id.retain(|client_id, session| match judge(&session.permit, &session.client_id) {
            Verdict::Unchanged => true,
            Verdict::Changed(permit) => {
                session.permit = permit;
                true
            }
            Verdict::Over => {
                match session.presence {
                    Presence::Offline { number, .. } => _ = offline.remove(&number),
                    Presence::Connected => closed.push(client_id.clone()),
                    Presence::Leaving { .. } => {}
                }
                false
            }
        });
        closed
    }

    /// The permit of `client`, if it is one that was admitted, and connected.
    pub fn permit_of(&self, client: &dyn Client) -> Option<&Permit> {
        let session = self.by_client_id.get(client.id()?)?;
        let is_there = session.handle == client.handle() && matches!(session.presence, Presence::Connected);
        is_there.then_some(&session.permit)
    }

    /// Whether the session `client_id` is connected, as another client than `handle`.
    pub fn is_connected_as_other(&self, client_id: &str, handle: ClientHandle) -> bool {
        self.by_client_id.get(client_id).is_some_and(|session| {
            session.handle != handle && matches!(session.presence, Presence::Connected)
        })
    }

    /// How many sessions there are, connected or not.
    pub fn len(&self) -> usize {
        self.by_client_id.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_client_id.is_empty()
    }

    /// Ends the session `client_id`, if there is one.
    fn forget(&mut self, client_id: &str) {
        if let Some(Session { presence: Presence::Offline { number, .. }, .. }) =
            self.by_client_id.remove(client_id)
        {
            self.offline.remove(&number);
        }
    }

    /// Makes room for one more, in the place of whoever has been gone for longest.
    fn make_room(&mut self) -> Result<(), NotAdmitted> {
        if self.by_client_id.len() < self.capacity {
            return Ok(());
        }
        let (_, longest) = self.offline.pop_first().ok_or(NotAdmitted::Full(self.capacity))?;
        self.by_client_id.remove(&longest);
        Ok(())
    }
}

/// What becomes of a session that is judged again.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It goes on.
    Unchanged,
    /// It goes on by this permit.
    Changed(Permit),
    /// It does not.
    Over,
}

#[cfg(test)]
mod tests;
