//! What an operator sees of a session.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use authenticator::certificate::timestamp;
use authenticator::identity::Client;
use mqtt::Version;
use parking_lot::Mutex;
use rustls_pki_types::UnixTime;

use crate::admitted_client::AdmittedClient;

/// What an operator sees of a session. Written by its task, read by the admin socket.
#[derive(Debug, Default)]
pub struct SessionInfo {
    connection: Mutex<Option<ConnectionInfo>>,
    pub(super) subscriptions: AtomicUsize,
    pub(super) queued: AtomicUsize,
}

/// A session's present connection.
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    pub peer: SocketAddr,
    pub protocol: &'static str,
    pub policy: String,
    /// Who it is, and the certificate that was presented.
    pub client: Client,
    pub decision_id: String,
    /// RFC 3339.
    pub connected_at: String,
}

impl ConnectionInfo {
    /// What there is to see of a client that was let in at `now`.
    pub(super) fn of(client: &AdmittedClient, now: UnixTime) -> Self {
        Self {
            peer: client.peer,
            protocol: match client.connection.version() {
                Version::V3 => "3.1.1",
                Version::V5 => "5",
            },
            policy: client.permit.policy_name().to_owned(),
            client: client.permit.client().clone(),
            decision_id: client.decision.to_string(),
            connected_at: timestamp(now),
        }
    }
}

impl SessionInfo {
    pub(super) fn connected(&self, connection: Option<ConnectionInfo>) {
        *self.connection.lock() = connection;
    }

    pub(super) fn policy_changed(&self, policy: &str) {
        if let Some(connection) = &mut *self.connection.lock() {
            policy.clone_into(&mut connection.policy);
        }
    }

    pub fn connection(&self) -> Option<ConnectionInfo> {
        self.connection.lock().clone()
    }

    pub fn subscriptions(&self) -> usize {
        self.subscriptions.load(Ordering::Relaxed)
    }

    pub fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }
}
