//! [`HttpSettings`]: what a listener in front of an HTTP origin is told.

use std::time::Duration;

use super::client_fields::ClientFields;
use super::upstream::Upstream;

/// How long nothing may move on a connection, and how long it may be kept for another request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long an origin may take to accept a connection, and to begin its answer once it has the request.
const UPSTREAM_TIMEOUT: Duration = Duration::from_secs(30);

/// What a listener in front of an HTTP origin is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpSettings {
    /// The origin. Without one, clients can ask who they are, and nothing else is found.
    pub(crate) upstream: Option<Upstream>,
    /// How it is told who the client is.
    pub(crate) fields: ClientFields,
    /// How long nothing may move on a connection.
    pub(crate) idle_timeout: Duration,
    /// How long the origin may take to accept a connection, and to begin its answer.
    pub(crate) upstream_timeout: Duration,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            upstream: None,
            fields: ClientFields::default(),
            idle_timeout: IDLE_TIMEOUT,
            upstream_timeout: UPSTREAM_TIMEOUT,
        }
    }
}
