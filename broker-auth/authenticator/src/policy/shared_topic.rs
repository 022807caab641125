//! [`SharedTopic`]: a topic that two clients of one name would have in common, because they are of two namespaces.

use std::fmt;

use super::policies::Policies;
use super::policy_entry::{Action, Policy};
use super::topic::TopicFilter;
use super::topic_template::TopicTemplate;
use crate::trust::{Namespace, Role, TrustConfig};

/// A name that no literal level of a template has: what the templates have in common for it, they have for every name.
const ANY_NAME: &str = "\u{e000}";

/// Two templates that give the same name of two namespaces the same topic: the one could read, or say, what is the
/// other's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedTopic {
    /// The first place, by the order of the trusts.
    pub one: TemplatePlace,
    /// The second.
    pub other: TemplatePlace,
}

/// A topic template that a policy gives to a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplatePlace {
    /// The namespace.
    pub namespace: Namespace,
    /// The policy.
    pub policy: Box<str>,
    /// The template as it was written.
    pub template: Box<str>,
}

impl fmt::Display for SharedTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { one, other } = self;
        write!(
            f,
            "a client of namespace {} and one of namespace {} that bear the same name would share topics: {:?}",
            one.namespace, other.namespace, one.template
        )?;
        if one.template != other.template {
            write!(f, " and {:?} of policy {:?}", other.template, other.policy)?;
        }
        f.write_str("; write {trust} into the template, give each trust a policy of its own, or, if the two are to be one ")?;
        f.write_str("client, set the same namespace for both trusts")
    }
}

impl Policies {
    /// Two namespaces of `trusts` that these policies would let share a topic through `{device-id}` or `{identity}`.
    /// Topics without a name in them are shared on purpose.
    pub fn shared_topic(&self, trusts: &[&TrustConfig]) -> Option<SharedTopic> {
        let given: Vec<_> = trusts.iter().map(|trust| (*trust, self.given_by(trust))).collect();
        given.iter().enumerate().find_map(|(index, (one, ours))| {
            let rest = given.iter().skip(index + 1);
            let others = rest.filter(|(other, _)| other.namespace != one.namespace);
            others.flat_map(|(other, theirs)| theirs.iter().map(move |policy| (other, policy))).find_map(
                |(other, theirs)| ours.iter().find_map(|ours| shared_by((one, ours), (other, theirs))),
            )
        })
    }

    /// The policies that can decide about clients of `trust`: what comes after one that is for all of them decides about
    /// none.
    fn given_by(&self, trust: &TrustConfig) -> Vec<&Policy> {
        let mut given = Vec::new();
        for policy in self.iter().filter(|policy| policy.matches.fits_some_of(&trust.name, &trust.namespace))
        {
            if policy.action.admits() {
                given.push(policy);
            }
            if policy.matches.is_for_all() && policy.action != Action::Report {
                break;
            }
        }
        given
    }
}

/// A topic that `ours`, for clients of the one trust, and `theirs`, for those of the other, give to one name.
fn shared_by(
    (one, ours): (&TrustConfig, &Policy),
    (other, theirs): (&TrustConfig, &Policy),
) -> Option<SharedTopic> {
    if !ours.matches.may_share_a_name(&one.namespace, &theirs.matches, &other.namespace) {
        return None;
    }
    let place = |trust: &TrustConfig, policy: &Policy, template: &TopicTemplate| TemplatePlace {
        namespace: trust.namespace.clone(),
        policy: policy.name.clone(),
        template: template.as_str().into(),
    };
    named_topics(one, ours).find_map(|(template, filter)| {
        let (found, _) = named_topics(other, theirs).find(|(_, theirs)| theirs.overlaps(&filter))?;
        Some(SharedTopic { one: place(one, ours, template), other: place(other, theirs, found) })
    })
}

/// The topics that `policy` gives any client of `trust` by its name.
fn named_topics<'a>(
    trust: &'a TrustConfig,
    policy: &'a Policy,
) -> impl Iterator<Item = (&'a TopicTemplate, TopicFilter<'static>)> {
    let device_id = (trust.role == Role::Device).then_some(ANY_NAME);
    policy
        .publish
        .iter()
        .chain(&policy.subscribe)
        .filter(|template| template.names_the_client())
        .filter_map(move |template| Some((template, template.filter_for(ANY_NAME, device_id, &trust.name)?)))
}
