//! One `[[policy]]`: whom it is for, and what it decides.

use super::binding::ClientIdRule;
use super::conditions::Match;
use super::topic_template::TopicTemplate;
use crate::factor::FactorKind;

/// One `[[policy]]`.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How logs call it.
    pub name: Box<str>,
    /// Whom it is for.
    pub matches: Match,
    /// What it decides.
    pub action: Action,
    /// What its clients show beside their certificates.
    pub second_factor: Option<FactorKind>,
    /// Which client ids go with the identity.
    pub client_id: ClientIdRule,
    /// Where its clients may publish.
    pub publish: Vec<TopicTemplate>,
    /// What its clients may subscribe to, and be delivered.
    pub subscribe: Vec<TopicTemplate>,
    /// What happens to a client that publishes elsewhere and cannot be told.
    pub denied_publish: DeniedPublish,
}

/// What a policy decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Its clients get in.
    Allow,
    /// Its clients do not.
    Deny,
    /// Its clients get in, and are marked: they reach nothing but the topics named here.
    Quarantine,
    /// What `enforce` would refuse is noted; later policies decide.
    Report,
}

impl Action {
    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Quarantine => "quarantine",
            Self::Report => "report",
        }
    }

    /// Whether its clients get a session.
    pub fn admits(self) -> bool {
        match self {
            Self::Allow | Self::Quarantine => true,
            Self::Deny | Self::Report => false,
        }
    }
}

/// What to do with a publish that is not allowed where the protocol has no negative acknowledgement
/// (MQTT 3.1.1, or QoS 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeniedPublish {
    /// Close the connection.
    Disconnect,
    /// Drop the message and count it.
    Drop,
}
