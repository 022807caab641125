//! The policies of a configuration, and the first one that matches.

use std::sync::Arc;

use super::permit::Permit;
use super::policy_entry::{Action, Policy};
use crate::identity::Client;
use crate::reason::{Reason, Refusal};
use crate::verdict::Verdict;

/// The policies in the order of the configuration. The first match decides; no match denies.
#[derive(Clone, Debug, Default)]
pub struct Policies(Vec<Arc<Policy>>);

impl Policies {
    /// Policies in order.
    pub fn new(policies: Vec<Policy>) -> Self {
        Self(policies.into_iter().map(Arc::new).collect())
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.0.iter().map(|policy| &**policy)
    }

    /// Whether one of these, and not of an earlier configuration, granted `permit`. Each configuration has one identity
    /// template with its policies, so then nothing about the permit has changed.
    pub(crate) fn granted(&self, permit: &Permit) -> bool {
        self.0.iter().any(|policy| permit.is_by(policy))
    }

    /// The permit of the first policy that matches `client` and decides; those that only report are named to `report`.
    pub(crate) fn permit(&self, client: &Client, mut report: impl FnMut(&Policy)) -> Result<Permit, Refusal> {
        for policy in self.0.iter().filter(|policy| policy.matches.fits(client)) {
            match policy.action {
                Action::Allow | Action::Quarantine => return Ok(Permit::new(client.clone(), policy)),
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
