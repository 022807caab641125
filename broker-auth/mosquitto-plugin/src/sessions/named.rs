//! The sessions that an operator means by a name.

use std::collections::BTreeSet;

use authenticator::identity::Identity;

use super::Sessions;

/// A name that stands for several identities.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} stands for several clients: {}", identities.join(", "))]
pub struct AmbiguousName {
    /// The name.
    pub name: String,
    /// The identities, each as `namespace/name`.
    pub identities: Vec<String>,
}

impl Sessions {
    /// The client ids of the sessions that `name` stands for: those of an identity (`namespace/name`, or the name alone), or
    /// else the one with that client id.
    ///
    /// # Errors
    /// It stands for several identities.
    pub fn named(&self, name: &str) -> Result<Vec<Box<str>>, AmbiguousName> {
        let is_identity = |identity: &Identity| match name.split_once('/') {
            Some((namespace, name)) => identity.namespace().as_str() == namespace && identity.name() == name,
            None => identity.name() == name,
        };
        let meant = || self.by_client_id.iter().filter(|(_, session)| is_identity(session.permit.identity()));
        let identities: BTreeSet<_> =
            meant().map(|(_, session)| session.permit.identity().qualified()).collect();
        match identities.len() {
            0 => Ok(self.by_client_id.get_key_value(name).map(|(id, _)| id.clone()).into_iter().collect()),
            1 => Ok(meant().map(|(id, _)| id.clone()).collect()),
            _ => Err(AmbiguousName { name: name.to_owned(), identities: identities.into_iter().collect() }),
        }
    }
}
