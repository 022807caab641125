//! Policies that say what nobody can have meant.

use authenticator::policy::{Action, Policy};
use authenticator::ruleset::Mode;

use super::Config;

impl Config {
    /// What should be looked at in the policies: names that stand for several clients, policies that decide about nobody,
    /// and clients that none is for.
    pub fn policy_warnings(&self) -> Vec<String> {
        let policies: Vec<_> = self.access.policies.iter().collect();
        let mut warnings = self.ambiguous_policies();
        warnings.extend(self.unqualified_tokens());
        for (place, policy) in policies.iter().enumerate() {
            let earlier = policies.iter().take(place);
            warnings.extend(behind(policy, earlier.copied()));
            warnings.extend(idle_topics(policy));
        }
        warnings.extend(self.unmet_verdicts(&policies));
        warnings.extend(self.trusts_without_policy(&policies));
        warnings
    }

    fn unmet_verdicts(&self, policies: &[&Policy]) -> Vec<String> {
        let is_permissive = |mode: Mode| mode == Mode::Permissive;
        let permissive: Vec<_> =
            self.listeners.iter().filter(|listener| is_permissive(listener.mode)).collect();
        let of_unproven = || policies.iter().filter(|policy| policy.matches.verdicts.include_unproven());
        if permissive.is_empty() {
            let idle = of_unproven().filter(|policy| !policy.matches.verdicts.include_success());
            return idle
                .map(|policy| {
                    format!(
                        "policy {:?} is for FAILED or NONE, and no listener is permissive: it is for nobody",
                        policy.name
                    )
                })
                .collect();
        }
        if of_unproven().next().is_some() {
            return Vec::new();
        }
        permissive
            .iter()
            .map(|listener| {
                format!(
                    "listener {} is permissive, and no policy is for FAILED or NONE: such clients are refused in CONNACK",
                    listener.settings.address
                )
            })
            .collect()
    }

    fn trusts_without_policy(&self, policies: &[&Policy]) -> Vec<String> {
        // Without any policy that is said already.
        if policies.is_empty() {
            return Vec::new();
        }
        let mut names: Vec<_> = self.listeners.iter().flat_map(|listener| &listener.trusts).collect();
        names.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
        names.dedup_by(|one, other| one.name == other.name);
        names.retain(|trust| {
            !policies.iter().any(|policy| policy.matches.fits_some_of(&trust.name, &trust.namespace))
        });
        names
            .iter()
            .map(|trust| format!("no policy is for clients of trust {}: all are refused", trust.name))
            .collect()
    }
}

/// That an earlier policy decides about everybody whom `policy` is for.
fn behind<'a>(policy: &Policy, mut earlier: impl Iterator<Item = &'a Policy>) -> Option<String> {
    let before = earlier
        .find(|earlier| earlier.action != Action::Report && earlier.matches.covers(&policy.matches))?;
    Some(format!(
        "policy {:?} decides about nobody: {:?}, which stands before it, is for all of its clients",
        policy.name, before.name
    ))
}

/// That topics stand at a policy that gives none.
fn idle_topics(policy: &Policy) -> Option<String> {
    let has_topics = !policy.publish.is_empty() || !policy.subscribe.is_empty();
    (has_topics && !policy.action.admits()).then(|| {
        format!(
            "policy {:?} has topics, and its action is {}: nobody gets them by it",
            policy.name,
            policy.action.as_str()
        )
    })
}
