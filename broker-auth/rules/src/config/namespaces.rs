//! Names that stand for several clients, because several namespaces have them.

use std::collections::BTreeSet;

use authenticator::factor::FactorKind;
use authenticator::ruleset::AccessRules;
use authenticator::trust::Namespace;

use super::listener::ListenerRules;
use crate::factors::SecondFactorSettings;

/// The namespaces of all trusts.
pub(super) fn namespaces<'a>(listeners: &[ListenerRules<'a>]) -> BTreeSet<&'a Namespace> {
    listeners.iter().flat_map(|listener| listener.trusts).map(|trust| &trust.namespace).collect()
}

/// That tokens must say of which namespace their client is, where some are asked for one.
pub(super) fn unqualified_tokens(
    access: &AccessRules,
    second_factors: &SecondFactorSettings,
    listeners: &[ListenerRules<'_>],
) -> Option<String> {
    let rules = &second_factors.token.as_ref()?.rules;
    let asks = access.policies.iter().any(|policy| policy.second_factor == Some(FactorKind::Token));
    if !asks || rules.namespace().is_some() {
        return None;
    }
    Some(format!(
        "tokens whose {:?} is a name alone are refused, since there are several namespaces ({}): have it say \
         namespace/name, or set `namespace` in [second-factor.token] to the one whose clients are meant",
        rules.claim(),
        everywhere(&namespaces(listeners)),
    ))
}

/// Policies that name an identity and say neither which trust vouches for it nor its namespace, where there are several:
/// they are for the client of that name in each.
pub fn ambiguous_policies(access: &AccessRules, listeners: &[ListenerRules<'_>]) -> Vec<String> {
    let namespaces = namespaces(listeners);
    if namespaces.len() < 2 {
        return Vec::new();
    }
    let everywhere = everywhere(&namespaces);
    let policies = access.policies.iter().filter(|policy| policy.matches.trust.is_none());
    policies
        .flat_map(|policy| {
            let named = policy.matches.identity.iter().flatten();
            named.filter(|identity| identity.namespace().is_none()).map(|identity| (&policy.name, identity))
        })
        .map(|(policy, identity)| {
            format!(
                "policy {policy:?} is for {identity} of every namespace ({everywhere}): name the trust beside it, or \
                 write namespace/{identity}"
            )
        })
        .collect()
}

fn everywhere(namespaces: &BTreeSet<&Namespace>) -> String {
    namespaces.iter().map(|namespace| namespace.as_str()).collect::<Vec<_>>().join(", ")
}
