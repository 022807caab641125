//! [`AdmittedClient`]: a connection that has been let in.

use std::net::SocketAddr;
use std::sync::Arc;

use authenticator::identity::Identity;
use authenticator::policy::{ClientId, ClientIdBinding, Permit};
use authenticator::record::DecisionId;
use mqtt::{Connect, Connection};

use crate::limits::SessionLimits;
use crate::recheck::Recheck;

/// A connection that has been let in, and looks for its session.
pub struct AdmittedClient {
    /// Its bytes.
    pub connection: Connection,
    /// Its CONNECT.
    pub connect: Box<Connect>,
    /// The client id that it was granted.
    pub binding: ClientIdBinding,
    /// What it may do.
    pub permit: Permit,
    /// Judges it again while its session lives.
    pub recheck: Arc<dyn Recheck>,
    /// What its session may take.
    pub limits: Arc<SessionLimits>,
    /// Where it is.
    pub peer: SocketAddr,
    /// The decision that let it in.
    pub decision: DecisionId,
    /// The connection's place under the listener's limits, given back when it is dropped.
    pub place: Box<dyn Send>,
}

impl AdmittedClient {
    pub(crate) fn client_id(&self) -> &ClientId {
        self.binding.client_id()
    }

    pub(crate) fn identity(&self) -> &Identity {
        self.permit.identity()
    }
}
