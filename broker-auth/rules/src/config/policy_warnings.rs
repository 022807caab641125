//! Policies that say what nobody can have meant.

use authenticator::policy::{Action, Policy};
use authenticator::ruleset::{AccessRules, Mode};

use super::listener::ListenerRules;
use super::namespaces::{ambiguous_policies, unqualified_tokens};
use crate::factors::SecondFactorSettings;

/// What should be looked at in the policies: names that stand for several clients, policies that decide about nobody,
/// and clients that none is for.
pub fn policy_warnings(
    access: &AccessRules,
    second_factors: &SecondFactorSettings,
    listeners: &[ListenerRules<'_>],
) -> Vec<String> {
    let policies: Vec<_> = access.policies.iter().collect();
    let mut warnings = ambiguous_policies(access, listeners);
    warnings.extend(unqualified_tokens(access, second_factors, listeners));
    for (place, policy) in policies.iter().enumerate() {
        let earlier = policies.iter().take(place);
        warnings.extend(behind(policy, earlier.copied()));
        warnings.extend(idle_topics(policy));
    }
    warnings.extend(unmet_verdicts(&policies, listeners));
    warnings.extend(trusts_without_policy(&policies, listeners));
    warnings
}

fn unmet_verdicts(policies: &[&Policy], listeners: &[ListenerRules<'_>]) -> Vec<String> {
    let permissive: Vec<_> = listeners.iter().filter(|listener| listener.mode == Mode::Permissive).collect();
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
                "{} is permissive, and no policy is for FAILED or NONE: such clients are refused in CONNACK",
                listener.front
            )
        })
        .collect()
}

fn trusts_without_policy(policies: &[&Policy], listeners: &[ListenerRules<'_>]) -> Vec<String> {
    // Without any policy that is said already.
    if policies.is_empty() {
        return Vec::new();
    }
    let mut names: Vec<_> = listeners.iter().flat_map(|listener| listener.trusts).collect();
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
