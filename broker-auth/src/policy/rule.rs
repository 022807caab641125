//! The `[[policy]]` rules, and the first one that matches.

use std::sync::Arc;

use super::binding::ClientIdRule;
use super::permit::Permit;
use super::topic::{TopicError, TopicFilter};
use crate::identity::{Identity, VerifiedDevice};
use crate::reason::{Reason, Refusal};
use crate::trust::TrustName;

/// The policies in the order of the configuration. The first match decides; no match denies.
#[derive(Clone, Debug, Default)]
pub struct Policies(Vec<Arc<Policy>>);

/// One `[[policy]]`.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How logs call it.
    pub name: Box<str>,
    /// Whom it is for.
    pub matches: Match,
    /// What it decides.
    pub action: Action,
    /// Which client ids go with the identity.
    pub client_id: ClientIdRule,
    /// Where its clients may publish.
    pub publish: Vec<TopicTemplate>,
    /// What its clients may subscribe to, and be delivered.
    pub subscribe: Vec<TopicTemplate>,
    /// What happens to a client that publishes elsewhere and cannot be told.
    pub denied_publish: DeniedPublish,
}

/// Whom a policy is for; every part that is given must fit. At least one is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The trust that vouches for the client.
    pub trust: Option<TrustName>,
    /// The identities it is for.
    pub identity: Option<Vec<Box<str>>>,
}

/// What a policy decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Its clients get in.
    Allow,
    /// Its clients do not.
    Deny,
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

impl Policies {
    /// Policies in order.
    pub fn new(policies: Vec<Policy>) -> Self {
        Self(policies.into_iter().map(Arc::new).collect())
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.0.iter().map(|policy| &**policy)
    }

    /// The permit of the first policy that matches `device`.
    pub fn decide(&self, device: &VerifiedDevice) -> Result<Permit, Refusal> {
        let trust = device.trust_name();
        let identity = device.identity();
        match self.0.iter().find(|policy| policy.matches.fits(trust, identity)) {
            Some(policy) if policy.action == Action::Allow => Ok(Permit::new(device.clone(), policy)),
            Some(policy) => Err(device.certificate().refused(
                Reason::UnmappedIdentity,
                format!("policy {:?} denies {identity} of trust {trust}", policy.name),
            )),
            None => Err(device
                .certificate()
                .refused(Reason::UnmappedIdentity, format!("no policy matches {identity} of trust {trust}"))),
        }
    }
}

impl Match {
    fn fits(&self, trust: &TrustName, identity: &Identity) -> bool {
        self.trust.as_ref().is_none_or(|wanted| wanted == trust)
            && self
                .identity
                .as_ref()
                .is_none_or(|wanted| wanted.iter().any(|wanted| **wanted == *identity.as_str()))
    }
}

/// A topic filter with `{device-id}` or `{identity}` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicTemplate {
    source: Box<str>,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(Box<str>),
    DeviceId,
    Identity,
}

/// Why a text is no topic template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicTemplateError {
    /// Something else between braces.
    #[error("{{{name}}} is no placeholder; there are {{device-id}} and {{identity}}")]
    UnknownPlaceholder {
        /// What stood between the braces.
        name: String,
    },
    /// A brace that opens or closes nothing.
    #[error("a brace has no partner")]
    Brace,
    /// With an identity filled in, it is no topic filter.
    #[error("it is no topic filter: {0}")]
    Filter(#[from] TopicError),
}

impl std::str::FromStr for TopicTemplate {
    type Err = TopicTemplateError;

    fn from_str(source: &str) -> Result<Self, TopicTemplateError> {
        let mut parts = Vec::new();
        let mut rest = source;
        while !rest.is_empty() {
            let (literal, after) =
                rest.split_once('{').map_or((rest, None), |(literal, after)| (literal, Some(after)));
            if literal.contains('}') {
                return Err(TopicTemplateError::Brace);
            }
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.into()));
            }
            let Some(after) = after else { break };
            let (name, after) = after.split_once('}').ok_or(TopicTemplateError::Brace)?;
            parts.push(match name {
                "device-id" => Part::DeviceId,
                "identity" => Part::Identity,
                _ => return Err(TopicTemplateError::UnknownPlaceholder { name: name.to_owned() }),
            });
            rest = after;
        }
        let template = Self { source: source.into(), parts };
        // The grammar of an identity has no character that means anything in a filter, so one example stands for all.
        TopicFilter::new(&template.fill("x", Some("x")).unwrap_or_default())?;
        Ok(template)
    }
}

impl TopicTemplate {
    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// The filter for `identity`. `None` where it asks for a device id and the identity is none, or gets too long.
    pub(super) fn filter(&self, identity: &Identity) -> Option<TopicFilter<'static>> {
        let device_id = identity.device_id().map(|id| id.as_str());
        let text = self.fill(identity.as_str(), device_id)?;
        TopicFilter::new(&text).ok().map(TopicFilter::into_owned)
    }

    fn fill(&self, identity: &str, device_id: Option<&str>) -> Option<String> {
        let mut text = String::with_capacity(self.source.len());
        for part in &self.parts {
            text.push_str(match part {
                Part::Literal(literal) => literal,
                Part::Identity => identity,
                Part::DeviceId => device_id?,
            });
        }
        Some(text)
    }
}
