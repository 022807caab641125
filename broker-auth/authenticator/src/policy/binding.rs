//! Which MQTT client ids belong to an identity.

use std::fmt;

use crate::identity::Identity;
use crate::reason::{Reason, Refusal};

/// How a policy ties client ids to the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientIdRule {
    /// The client id is the identity.
    MustEqual,
    /// The client id is the identity, or starts with it and a `/`.
    MustStartWith,
    /// Any client id.
    Free,
}

impl ClientIdRule {
    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MustEqual => "must-equal",
            Self::MustStartWith => "must-start-with",
            Self::Free => "free",
        }
    }
}

/// A client id that the policy granted to an identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(Box<str>);

impl ClientId {
    /// The client id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What became of the client id in CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientIdBinding {
    /// The client asked for it.
    Requested(ClientId),
    /// The client left it empty and was given this one (MQTT 5: Assigned Client Identifier).
    Assigned(ClientId),
}

impl ClientIdBinding {
    /// The client id, requested or assigned.
    pub fn client_id(&self) -> &ClientId {
        match self {
            Self::Requested(id) | Self::Assigned(id) => id,
        }
    }

    /// The client id as text.
    pub fn as_str(&self) -> &str {
        self.client_id().as_str()
    }

    /// Grants `requested` to `identity`, or a client id of our own if it is empty. `unique` makes the difference
    /// between the assigned client ids of one identity, where the rule leaves room for several.
    pub(super) fn grant(
        rule: ClientIdRule,
        identity: &Identity,
        requested: &str,
        unique: impl FnOnce() -> String,
    ) -> Result<Self, Refusal> {
        let owner = identity.name();
        if requested.is_empty() {
            return Ok(Self::Assigned(ClientId(match rule {
                ClientIdRule::MustEqual => owner.into(),
                ClientIdRule::MustStartWith | ClientIdRule::Free => format!("{owner}/{}", unique()).into(),
            })));
        }
        if rule == ClientIdRule::Free && identity.namespace().is_unproven() {
            // Whoever is not proven has its client ids to itself: none is another client's.
            let own =
                requested == owner || requested.strip_prefix(owner).is_some_and(|rest| rest.starts_with('/'));
            let id = if own { requested.to_owned() } else { format!("{owner}/{requested}") };
            return Ok(Self::Requested(ClientId(id.into())));
        }
        let belongs = match rule {
            ClientIdRule::MustEqual => requested == owner,
            // Compared level by level: dev-1 must not pass for dev-10.
            ClientIdRule::MustStartWith => {
                requested.strip_prefix(owner).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            ClientIdRule::Free => true,
        };
        if belongs {
            return Ok(Self::Requested(ClientId(requested.into())));
        }
        let wanted = match rule {
            ClientIdRule::MustEqual => format!("it must be {owner:?}"),
            _ => format!("it must be {owner:?}, or start with \"{owner}/\""),
        };
        Err(Refusal::new(Reason::ClientIdMismatch, format!("the client id is {requested:?}, {wanted}")))
    }
}
