//! What one client may do, worked out once.

use std::sync::Arc;

use rustls_pki_types::UnixTime;

use super::binding::ClientIdBinding;
use super::policy_entry::{Action, DeniedPublish, Policy};
use super::topic::{TopicFilter, TopicName, is_own};
use super::topic_template::TopicTemplate;
use crate::factor::{FactorKind, SecondFactor};
use crate::identity::{Client, Identity};
use crate::origin::Origin;
use crate::reason::{Reason, Refusal};

/// What a verified client may do. Made by [`crate::decide::decide`] alone.
///
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Permit(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Client,
    origin: Origin,
    /// What the client has shown beside its certificate.
    factor: Option<SecondFactor>,
    /// When other policies may match, though nothing else has changed.
    turns: Vec<UnixTime>,
    policy: Arc<Policy>,
    publish: Vec<TopicFilter<'static>>,
    subscribe: Vec<TopicFilter<'static>>,
}

impl Permit {
    pub(super) fn new(client: Client, origin: Origin, policy: &Arc<Policy>, turns: Vec<UnixTime>) -> Self {
        let filters = |templates: &[TopicTemplate]| {
            templates.iter().filter_map(|template| template.filter(&client)).collect()
        };
        Self(Arc::new(Inner {
            publish: filters(&policy.publish),
            subscribe: filters(&policy.subscribe),
            policy: Arc::clone(policy),
            client,
            origin,
            factor: None,
            turns,
        }))
    }

    /// The same for a client that has shown `factor`.
    pub(crate) fn with_factor(self, factor: &SecondFactor) -> Self {
        let Inner { client, origin, turns, policy, publish, subscribe, .. } = &*self.0;
        let turns = turns.iter().copied().chain(factor.expires()).collect();
        Self(Arc::new(Inner {
            client: client.clone(),
            origin: origin.clone(),
            factor: Some(factor.clone()),
            turns,
            policy: Arc::clone(policy),
            publish: publish.clone(),
            subscribe: subscribe.clone(),
        }))
    }

    /// What its policy asks for beside the certificate.
    pub fn second_factor(&self) -> Option<FactorKind> {
        self.0.policy.second_factor
    }

    /// What the client has shown beside its certificate.
    pub fn factor(&self) -> Option<&SecondFactor> {
        self.0.factor.as_ref()
    }

    /// Whose permit it is.
    pub fn identity(&self) -> &Identity {
        self.0.client.identity()
    }

    /// Who it is, and the proof, if there is any.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// How the client came.
    pub(crate) fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// When, after `now`, it is to be judged again, though nothing else has changed.
    pub fn next_turn(&self, now: UnixTime) -> Option<UnixTime> {
        self.0.turns.iter().copied().filter(|turn| *turn > now).min()
    }

    /// Whether both were granted by the same policy.
    pub(crate) fn is_of_same_policy(&self, other: &Self) -> bool {
        self.is_by(&other.0.policy)
    }

    /// Whether this very policy granted it.
    pub(super) fn is_by(&self, policy: &Arc<Policy>) -> bool {
        Arc::ptr_eq(&self.0.policy, policy)
    }

    /// The policy that granted it.
    pub fn policy_name(&self) -> &str {
        &self.0.policy.name
    }

    /// Binds the client id of CONNECT to the identity. An empty one is assigned; `unique` makes the difference between
    /// the assigned client ids of one identity.
    ///
    /// # Errors
    /// The policy does not let the identity have this client id.
    pub(crate) fn client_id(
        &self,
        requested: &str,
        unique: impl FnOnce() -> String,
    ) -> Result<ClientIdBinding, Refusal> {
        ClientIdBinding::grant(self.0.policy.client_id, self.identity(), requested, unique)
            .map_err(|refusal| self.refused(refusal))
    }

    /// Whether it may publish to `topic`.
    pub fn publish(&self, topic: &str) -> Result<(), Refusal> {
        let name =
            TopicName::new(topic).map_err(|error| self.denied(format!("{topic:?} is no topic: {error}")))?;
        if is_own(topic) {
            return Err(self.denied(format!("{topic:?} is a topic of the broker itself")));
        }
        if self.0.publish.iter().any(|filter| filter.matches(&name)) {
            return Ok(());
        }
        Err(self.denied(format!(
            "policy {:?} does not let {} publish to {topic:?}",
            self.0.policy.name,
            self.identity()
        )))
    }

    /// Whether it may leave a will to `topic`.
    ///
    /// # Errors
    /// The policy does not let it publish there, or nothing is proven of it.
    pub(crate) fn will(&self, topic: &str) -> Result<(), Refusal> {
        self.publish(topic)?;
        if self.may_leave_anything() {
            return Ok(());
        }
        Err(self.denied(format!("{}, of whom nothing is proven, leaves no will", self.identity())))
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
        if self.0.subscribe.iter().any(|allowed| asked.is_within(allowed)) {
            return Ok(());
        }
        Err(self.denied(format!(
            "policy {:?} does not let {} subscribe to {filter:?}",
            self.0.policy.name,
            self.identity()
        )))
    }

    /// Whether it may have shared subscriptions at all.
    pub fn allows_shared(&self) -> bool {
        self.0.subscribe.iter().any(|allowed| allowed.shared().is_some())
    }

    /// Whether a message published to `topic` may be delivered to it, whatever it subscribed to in the past.
    pub fn deliver(&self, topic: &str) -> bool {
        let Ok(name) = TopicName::new(topic) else { return false };
        self.0.subscribe.iter().any(|allowed| match allowed.shared() {
            Some(shared) => shared.filter.matches(&name),
            None => allowed.matches(&name),
        })
    }

    /// Whether it may leave something behind that outlives its connection: a session, a will, a retained message. Nobody
    /// could be held to it who is not proven.
    pub fn may_leave_anything(&self) -> bool {
        matches!(self.0.client, Client::Verified(_))
    }

    /// Whether it may publish a message to `topic` that is kept for later subscribers.
    pub fn publish_retained(&self, topic: &str) -> Result<(), Refusal> {
        self.publish(topic)?;
        if self.may_leave_anything() {
            return Ok(());
        }
        Err(self.denied(format!("nothing is retained of {}, of whom nothing is proven", self.identity())))
    }

    /// Whether its policy is a quarantine.
    pub fn is_quarantined(&self) -> bool {
        self.0.policy.action == Action::Quarantine
    }

    /// What happens to a publish that is not allowed.
    pub fn denied_publish(&self) -> DeniedPublish {
        self.0.policy.denied_publish
    }

    fn denied(&self, evidence: String) -> Refusal {
        self.0.client.refused(Reason::TopicDenied, evidence)
    }

    fn refused(&self, refusal: Refusal) -> Refusal {
        self.0.client.refused(refusal.reason, refusal.evidence)
    }
}
