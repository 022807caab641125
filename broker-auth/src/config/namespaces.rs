//! Names that stand for several clients, because several namespaces have them.

use std::collections::BTreeSet;

use super::Config;

impl Config {
    /// Policies that name an identity and say neither which trust vouches for it nor its namespace, where there are several:
    /// they are for the client of that name in each.
    pub fn ambiguous_policies(&self) -> Vec<String> {
        let trusts = self.listeners.iter().flat_map(|listener| &listener.trusts);
        let namespaces: BTreeSet<_> = trusts.map(|trust| trust.namespace.as_str()).collect();
        if namespaces.len() < 2 {
            return Vec::new();
        }
        let everywhere = namespaces.into_iter().collect::<Vec<_>>().join(", ");
        let policies = self.access.policies.iter().filter(|policy| policy.matches.trust.is_none());
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
}
