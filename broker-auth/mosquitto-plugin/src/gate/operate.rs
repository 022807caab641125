//! What operators see and do: the sessions there are, and closing them.

use authenticator::policy::Permit;

use super::connections::{Connection, Ending};
use super::rules::Rules;
use super::{Gate, State};
use crate::callbacks::Access;
use crate::sessions::AmbiguousName;

/// One session, for an operator.
#[derive(Clone, Debug)]
pub struct ListedSession {
    /// The client id that it was opened under.
    pub client_id: Box<str>,
    /// What its client may.
    pub permit: Permit,
    /// Its connection. `None`: its client is away.
    pub connection: Option<Connection>,
}

/// How often what a client wanted was denied, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Denials {
    /// To publish.
    pub publishes: u64,
    /// To subscribe.
    pub subscriptions: u64,
    /// To be sent a message.
    pub deliveries: u64,
}

impl Denials {
    /// One more.
    pub(super) fn count(&mut self, access: &Access<'_>) {
        match access {
            Access::Publish { .. } => self.publishes += 1,
            Access::Subscribe(_) => self.subscriptions += 1,
            Access::Deliver(_) => self.deliveries += 1,
            Access::Unsubscribe(_) => {}
        }
    }
}

impl<R: Rules> Gate<R> {
    /// The rules behind it.
    pub fn rules(&self) -> &R {
        &self.rules
    }

    /// Whether the next tick has something to do that must not wait: somebody to close, or a session that another has taken over.
    pub fn must_tick(&self) -> bool {
        let state = self.state.borrow();
        self.is_reloading.get()
            || !state.kick_list.is_empty()
            || !state.kicked.is_empty()
            || state.sessions.are_unsettled()
    }

    /// How many sessions there are, connected or not.
    pub fn session_count(&self) -> usize {
        self.state.borrow().sessions.len()
    }

    /// How often what a client wanted was denied.
    pub fn denials(&self) -> Denials {
        self.state.borrow().denials
    }

    /// Every session there is. Cheap for each of them: nothing is written as text.
    pub fn sessions(&self) -> Vec<ListedSession> {
        let state = self.state.borrow();
        let listed = state.sessions.list().map(|(client_id, permit, is_connected)| ListedSession {
            client_id: client_id.into(),
            permit: permit.clone(),
            connection: state.connections.get(client_id).filter(|_| is_connected).cloned(),
        });
        listed.collect()
    }

    /// Closes the sessions of the identity that `name` stands for (`namespace/name`, or the name alone), or else the one
    /// of that client id, at the next tick. Those whose client is away are forgotten: nothing is kept for them from here on.
    /// Returns how many.
    ///
    /// # Errors
    /// It stands for several identities, and nothing is closed.
    pub fn kick(&self, name: &str) -> Result<usize, AmbiguousName> {
        let mut state = self.state.borrow_mut();
        let State { sessions, connections, kicked, .. } = &mut *state;
        let client_ids = sessions.named(name)?;
        for client_id in &client_ids {
            if let Some(handle) = sessions.close(client_id) {
                connections.ends_by(client_id, Ending::Kicked);
                kicked.add_session(client_id, handle);
            }
        }
        Ok(client_ids.len())
    }

    /// The permit of a connected client that `name` stands for, as in [`Self::kick`].
    ///
    /// # Errors
    /// It stands for several identities.
    pub fn connected(&self, name: &str) -> Result<Option<Permit>, AmbiguousName> {
        let state = self.state.borrow();
        let client_ids = state.sessions.named(name)?;
        let permit =
            client_ids.iter().find_map(|client_id| Some(state.connections.get(client_id)?.permit.clone()));
        Ok(permit)
    }
}
