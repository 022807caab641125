//! [`Connections`]: the connections of clients that were admitted, for operators and for the record of their end.

use std::collections::HashMap;
use std::net::SocketAddr;

use authenticator::policy::Permit;
use authenticator::reason::Refusal;
use authenticator::record::{DecisionId, Event, Record};
use rustls_pki_types::UnixTime;

use super::audit::{Audit, from_peer};
use crate::client::{Client, ClientHandle, Protocol};

/// The connection of a client that was admitted.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Where the client is. `None`: mosquitto does not say.
    pub peer: Option<SocketAddr>,
    /// Which MQTT it speaks.
    pub protocol: Protocol,
    /// Under which the decision was written down.
    pub decision: Option<DecisionId>,
    /// When it was admitted.
    pub since: UnixTime,
    /// What it may.
    pub(super) permit: Permit,
    pub(super) handle: ClientHandle,
    /// Why it is being closed, if it is.
    pub(super) ending: Option<Ending>,
}

/// Why a connection is closed by the gate.
#[derive(Clone, Debug)]
pub(super) enum Ending {
    /// Its certificate is no longer good, or its client did what its permit does not allow.
    Refused(Refusal),
    /// An operator wants it closed.
    Kicked,
}

/// The connections, by client id.
#[derive(Debug, Default)]
pub(super) struct Connections(HashMap<Box<str>, Connection>);

impl Connections {
    /// The connection under `client_id`.
    pub(super) fn get(&self, client_id: &str) -> Option<&Connection> {
        self.0.get(client_id)
    }

    /// Whether `client` is connected already, as the holder of `permit`: mosquitto reads its configuration again, and asks.
    /// Then that is its permit from here on.
    pub(super) fn renew(&mut self, client: &dyn Client, permit: &Permit) -> bool {
        match self.of(client) {
            Some(connection) if connection.permit.identity() == permit.identity() => {
                connection.permit = permit.clone();
                true
            }
            _ => false,
        }
    }

    /// The permit of the connection under `client_id` is another.
    pub(super) fn changed(&mut self, client_id: &str, permit: &Permit) {
        if let Some(connection) = self.0.get_mut(client_id) {
            connection.permit = permit.clone();
        }
    }

    /// A client has been admitted. Returns the connection that it has taken over.
    pub(super) fn begin(&mut self, client_id: &str, connection: Connection) -> Option<Connection> {
        self.0.insert(client_id.into(), connection)
    }

    /// The connection under `client_id` is about to be closed, and this is why. The first reason stays.
    pub(super) fn ends_by(&mut self, client_id: &str, ending: Ending) {
        if let Some(connection) = self.0.get_mut(client_id) {
            connection.ending.get_or_insert(ending);
        }
    }

    /// The connection of `client` has ended.
    pub(super) fn end(&mut self, client: &dyn Client) -> Option<Connection> {
        self.of(client)?;
        self.0.remove(client.id()?)
    }

    fn of(&mut self, client: &dyn Client) -> Option<&mut Connection> {
        self.0.get_mut(client.id()?).filter(|connection| connection.handle == client.handle())
    }
}

impl Connection {
    /// Writes down that it has ended; `otherwise`: why, if it was not closed by the gate.
    pub(super) fn write_end(&self, client_id: &str, otherwise: &str, audit: &dyn Audit) {
        let record = Record::new(Event::SessionClosed).permit(&self.permit).client_id(client_id);
        let record = from_peer(record, self.peer);
        audit.write(&match &self.ending {
            Some(Ending::Refused(refusal)) => record.refused(refusal),
            Some(Ending::Kicked) => record.note("an operator closed it"),
            None => record.note(otherwise),
        });
    }
}
