//! What an operator sees of a session.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What an operator sees of a session. Written by its task, read by the admin socket.
#[derive(Debug, Default)]
pub(crate) struct SessionInfo {
    connection: Mutex<Option<ConnectionInfo>>,
    pub(super) subscriptions: AtomicUsize,
    pub(super) queued: AtomicUsize,
}

/// A session's present connection.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionInfo {
    pub(crate) peer: SocketAddr,
    pub(crate) protocol: &'static str,
    pub(crate) policy: String,
    pub(crate) serial: String,
    pub(crate) fingerprint_sha256: String,
    pub(crate) decision_id: String,
    /// RFC 3339.
    pub(crate) connected_at: String,
}

impl SessionInfo {
    pub(super) fn connected(&self, connection: Option<ConnectionInfo>) {
        *self.connection.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = connection;
    }

    pub(crate) fn connection(&self) -> Option<ConnectionInfo> {
        self.connection.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    pub(crate) fn subscriptions(&self) -> usize {
        self.subscriptions.load(Ordering::Relaxed)
    }

    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }
}
