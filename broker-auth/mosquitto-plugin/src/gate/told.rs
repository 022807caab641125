//! [`Whom`]: whom a decision was about, for mosquitto's log.

use std::fmt;

use authenticator::identity;

use crate::client::Client;

/// The characters of a client id that are written: what follows it must not be cut off by a long one.
const CLIENT_ID_CHARACTERS: usize = 64;

/// Whom a decision was about: its client id and address, and who it was found to be, if that far.
pub(super) struct Whom<'a> {
    pub(super) client: &'a dyn Client,
    pub(super) taken_for: Option<&'a identity::Client>,
}

impl fmt::Display for Whom<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.client.id().unwrap_or_default();
        let beginning: String = id.chars().take(CLIENT_ID_CHARACTERS).collect();
        let rest = if beginning.len() < id.len() { "…" } else { "" };
        write!(f, "{beginning:?}{rest} from {}", self.client.address().unwrap_or("?"))?;
        match self.taken_for {
            Some(whom) => write!(f, ", taken for {} ({}),", whom.identity().qualified(), whom.verdict()),
            None => Ok(()),
        }
    }
}
