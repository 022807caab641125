//! [`Presence`]: whether the client of a session is there, and what may be asked about it when it is not.

use authenticator::policy::Permit;

use crate::callbacks::Access;
use crate::client::Client;

/// Whether the client of a session is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// It is.
    Connected,
    /// Its connection has ended since the last tick. mosquitto frees nobody until the one after: nobody is in its place.
    Leaving {
        /// Whether its session has ended with it.
        ends: bool,
        /// Whether its will has been asked about.
        has_published: bool,
    },
    /// Its connection has ended, and mosquitto may keep its session.
    Offline {
        /// Which end of a connection it was, counted.
        number: u64,
        /// Whether its will has been asked about.
        has_published: bool,
    },
}

impl Presence {
    /// Whether mosquitto may publish its will in this moment, when it is taken over.
    pub(super) fn may_have_will(self) -> bool {
        match self {
            Self::Connected => true,
            Self::Leaving { has_published, .. } | Self::Offline { has_published, .. } => !has_published,
        }
    }

    /// Whether mosquitto asks this about a client that has gone, and had `permit`: about its will, once, and about messages
    /// that are kept for it. Whoever subscribes, publishes more, or has a certificate to show is a newcomer in its place.
    pub(super) fn is_asked(&mut self, client: &dyn Client, permit: &Permit, access: &Access<'_>) -> bool {
        let (is_newcomer, has_published) = match self {
            Self::Connected => return true,
            // A connection is closed before its will is asked about, or after: mosquitto 2.0 and 2.1 differ.
            Self::Leaving { has_published, .. } => (shows_another_certificate(client, permit), has_published),
            Self::Offline { has_published, .. } => (client.has_certificate(), has_published),
        };
        match access {
            _ if is_newcomer => false,
            Access::Publish { .. } => !std::mem::replace(has_published, true),
            Access::Deliver(_) => true,
            Access::Subscribe(_) | Access::Unsubscribe(_) => false,
        }
    }
}

/// Whether `client` shows a certificate that is not the one of `permit`.
fn shows_another_certificate(client: &dyn Client, permit: &Permit) -> bool {
    match client.certificate() {
        Ok(None) => false,
        Ok(Some(shown)) => permit.client().certificate().is_none_or(|own| *own.der() != shown),
        Err(_) => true,
    }
}
