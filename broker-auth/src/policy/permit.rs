//! What one client may do, worked out once.

use std::sync::Arc;

use super::binding::ClientIdBinding;
use super::rule::{DeniedPublish, Policy, TopicTemplate};
use super::topic::{TopicFilter, TopicName};
use crate::audit::DecisionId;
use crate::identity::{Identity, VerifiedDevice};
use crate::reason::{Reason, Refusal};

/// What a verified client may do. Made by [`super::Policies::decide`] alone.
#[derive(Clone, Debug)]
pub struct Permit {
    device: VerifiedDevice,
    policy: Arc<Policy>,
    publish: Vec<TopicFilter<'static>>,
    subscribe: Vec<TopicFilter<'static>>,
}

impl Permit {
    pub(super) fn new(device: VerifiedDevice, policy: &Arc<Policy>) -> Self {
        let filters = |templates: &[TopicTemplate]| {
            templates.iter().filter_map(|template| template.filter(device.identity())).collect()
        };
        Self {
            publish: filters(&policy.publish),
            subscribe: filters(&policy.subscribe),
            policy: Arc::clone(policy),
            device,
        }
    }

    /// Whose permit it is.
    pub fn identity(&self) -> &Identity {
        self.device.identity()
    }

    /// The proof behind the identity.
    pub fn device(&self) -> &VerifiedDevice {
        &self.device
    }

    /// The policy that granted it.
    pub fn policy_name(&self) -> &str {
        &self.policy.name
    }

    /// Binds the client id of CONNECT to the identity; an empty one is assigned.
    pub fn client_id(&self, requested: &str) -> Result<ClientIdBinding, Refusal> {
        ClientIdBinding::grant(self.policy.client_id, self.identity(), requested, || {
            DecisionId::next().to_string()
        })
        .map_err(|refusal| self.refused(refusal))
    }

    /// Whether it may publish to `topic`.
    pub fn publish(&self, topic: &str) -> Result<(), Refusal> {
        let name =
            TopicName::new(topic).map_err(|error| self.denied(format!("{topic:?} is no topic: {error}")))?;
        if self.publish.iter().any(|filter| filter.matches(&name)) {
            return Ok(());
        }
        Err(self.denied(format!(
            "policy {:?} does not let {} publish to {topic:?}",
            self.policy.name,
            self.identity()
        )))
    }

    /// Whether it may subscribe to `filter`: everything the filter matches must lie within one allowed filter.
    ///
    /// `$share/…` and `$SYS/…` start with a `$`, which no wildcard covers, so only a policy that names them allows them.
    pub fn subscribe(&self, filter: &str) -> Result<(), Refusal> {
        let asked = TopicFilter::new(filter)
            .map_err(|error| self.denied(format!("{filter:?} is no topic filter: {error}")))?;
        if asked.shared().is_some_and(|shared| shared.group.contains('+')) {
            return Err(self.denied(format!("{filter:?} has a wildcard in its share name")));
        }
        if self.subscribe.iter().any(|allowed| asked.is_within(allowed)) {
            return Ok(());
        }
        Err(self.denied(format!(
            "policy {:?} does not let {} subscribe to {filter:?}",
            self.policy.name,
            self.identity()
        )))
    }

    /// Whether it may have shared subscriptions at all.
    pub fn allows_shared(&self) -> bool {
        self.subscribe.iter().any(|allowed| allowed.shared().is_some())
    }

    /// Whether a message published to `topic` may be delivered to it, whatever it subscribed to in the past.
    pub fn deliver(&self, topic: &str) -> bool {
        let Ok(name) = TopicName::new(topic) else { return false };
        self.subscribe.iter().any(|allowed| match allowed.shared() {
            Some(shared) => shared.filter.matches(&name),
            None => allowed.matches(&name),
        })
    }

    /// What happens to a publish that is not allowed.
    pub fn denied_publish(&self) -> DeniedPublish {
        self.policy.denied_publish
    }

    fn denied(&self, evidence: String) -> Refusal {
        self.device.certificate().refused(Reason::TopicDenied, evidence)
    }

    fn refused(&self, refusal: Refusal) -> Refusal {
        self.device.certificate().refused(refusal.reason, refusal.evidence)
    }
}
