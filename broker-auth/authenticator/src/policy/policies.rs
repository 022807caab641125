//! The policies of a configuration, and the first one that matches.

use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::UnixTime;

use super::condition::{Circumstances, Condition};
use super::permit::Permit;
use super::policy_entry::{Action, Policy};
use super::topic_template::TopicTemplate;
use crate::identity::Client;
use crate::reason::{Reason, Refusal};
use crate::verdict::Verdict;

/// The policies in the order of the configuration. The first match decides; no match denies.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    list: Vec<Arc<Policy>>,
    /// How long before the end of its certificate other policies may match a client, though nothing else has changed.
    times_before_end: Vec<Duration>,
}

impl Policies {
    /// Policies in order.
    pub fn new(policies: Vec<Policy>) -> Self {
        let conditions = policies.iter().flat_map(|policy| &policy.matches.conditions);
        let times_before_end = conditions.flat_map(Condition::times_before_end).collect();
        Self { list: policies.into_iter().map(Arc::new).collect(), times_before_end }
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.list.iter().map(|policy| &**policy)
    }

    /// Whether somebody may hear what the broker says of connections.
    pub fn give_events(&self) -> bool {
        self.iter().flat_map(|policy| &policy.subscribe).any(TopicTemplate::is_own)
    }

    /// Whether one of these, and not of an earlier configuration, granted `permit`. Each configuration has one identity
    /// template with its policies, so then nothing about the permit has changed.
    pub(crate) fn granted(&self, permit: &Permit) -> bool {
        self.list.iter().any(|policy| permit.is_by(policy))
    }

    /// Whether the first match can be another one after some time, though nothing else has changed.
    pub(crate) fn depend_on_time(&self) -> bool {
        !self.times_before_end.is_empty()
    }

    /// When other policies may match `client`, though nothing else has changed.
    fn turns_of(&self, client: &Client) -> Vec<UnixTime> {
        let Some(end) = client.not_after() else { return Vec::new() };
        let times = self.times_before_end.iter();
        let turns = times.filter_map(|time| Duration::from_secs(end.as_secs()).checked_sub(*time));
        turns.map(UnixTime::since_unix_epoch).collect()
    }

    /// The permit of the first policy that matches `client` and decides; those that only report are named to `report`.
    pub(crate) fn permit(
        &self,
        client: &Client,
        circumstances: &Circumstances,
        mut report: impl FnMut(&Policy),
    ) -> Result<Permit, Refusal> {
        for policy in self.list.iter().filter(|policy| policy.matches.fits(client, circumstances)) {
            match policy.action {
                Action::Allow | Action::Quarantine => {
                    let turns = self.turns_of(client);
                    return Ok(Permit::new(client.clone(), circumstances.origin.clone(), policy, turns));
                }
                Action::Deny => {
                    let evidence = format!("policy {:?} denies {}", policy.name, described(client));
                    return Err(client.refused(Reason::PolicyDenied, evidence));
                }
                Action::Report => report(policy),
            }
        }
        Err(client.refused(Reason::PolicyDenied, format!("no policy matches {}", described(client))))
    }
}

/// Whom a refusal is about.
fn described(client: &Client) -> String {
    let identity = client.identity();
    match client {
        Client::Verified(client) => format!("{identity} of trust {}", client.trust_name()),
        Client::Unproven(unproven) => match client.verdict() {
            Verdict::None => format!("{identity}, who has no certificate"),
            verdict => format!("{identity}, whose certificate is {verdict} ({})", unproven.fault().evidence),
        },
    }
}
