//! The policies of a configuration, and the first one that matches.

use std::sync::Arc;

use super::permit::Permit;
use super::policy_entry::{Action, Policy};
use crate::identity::VerifiedClient;
use crate::reason::{Reason, Refusal};

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

    /// The permit of the first policy that matches `client`.
    pub(crate) fn permit(&self, client: &VerifiedClient) -> Result<Permit, Refusal> {
        let trust = client.trust_name();
        let identity = client.identity();
        match self.0.iter().find(|policy| policy.matches.fits(trust, identity)) {
            Some(policy) if policy.action == Action::Allow => Ok(Permit::new(client.clone(), policy)),
            Some(policy) => Err(client.certificate().refused(
                Reason::UnmappedIdentity,
                format!("policy {:?} denies {identity} of trust {trust}", policy.name),
            )),
            None => Err(client
                .certificate()
                .refused(Reason::UnmappedIdentity, format!("no policy matches {identity} of trust {trust}"))),
        }
    }
}
