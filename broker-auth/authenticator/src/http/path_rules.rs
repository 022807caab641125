//! [`HttpRules`]: which policies may ask an origin for what.

use super::method::HttpMethod;
use super::request_path::RequestPath;

/// The `[[listener.path]]` rules of a listener. Of those that a path lies within, the longest prefix decides; without one,
/// the request is denied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpRules {
    rules: Vec<PathRule>,
}

/// One `[[listener.path]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRule {
    /// The path, with all below it.
    pub prefix: RequestPath,
    /// What may be done to it.
    pub methods: Vec<HttpMethod>,
    /// The clients of these policies may.
    pub policies: Vec<Box<str>>,
}

/// Why a request of a client that is let in is denied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathDenied {
    /// No rule is for the path.
    #[error("no [[listener.path]] has {path:?}")]
    NoRule {
        /// Which path.
        path: Box<str>,
    },
    /// The rules with the longest prefix do not let this policy use this method.
    #[error("[[listener.path]] {prefix:?} does not let policy {policy:?} {method} {path:?}")]
    NotAllowed {
        /// The longest prefix.
        prefix: Box<str>,
        /// The client's policy.
        policy: Box<str>,
        /// The method.
        method: HttpMethod,
        /// The path.
        path: Box<str>,
    },
}

impl HttpRules {
    /// Rules in any order. Several may have one prefix, with other methods or policies.
    pub fn new(rules: Vec<PathRule>) -> Self {
        Self { rules }
    }

    /// In the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &PathRule> {
        self.rules.iter()
    }

    /// Whether clients of `policy` may do this. Who the caller is may be asked by everybody who is let in.
    ///
    /// # Errors
    /// No rule, or not that of the longest prefix, lets them.
    pub(crate) fn allow(
        &self,
        policy: &str,
        method: HttpMethod,
        path: &RequestPath,
    ) -> Result<(), PathDenied> {
        if path.is_who_am_i() && matches!(method, HttpMethod::Get | HttpMethod::Head) {
            return Ok(());
        }
        let within = || self.rules.iter().filter(|rule| path.is_within(&rule.prefix));
        let Some(longest) = within().max_by_key(|rule| rule.prefix.depth()) else {
            return Err(PathDenied::NoRule { path: path.as_str().into() });
        };
        let mut deciding = within().filter(|rule| rule.prefix.depth() == longest.prefix.depth());
        if deciding.any(|rule| rule.allows(policy, method)) {
            return Ok(());
        }
        Err(PathDenied::NotAllowed {
            prefix: longest.prefix.as_str().into(),
            policy: policy.into(),
            method,
            path: path.as_str().into(),
        })
    }
}

impl PathRule {
    fn allows(&self, policy: &str, method: HttpMethod) -> bool {
        self.methods.contains(&method) && self.policies.iter().any(|name| **name == *policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use HttpMethod::{Get, Head, Post};

    fn rule(prefix: &str, methods: &[HttpMethod], policies: &[&str]) -> PathRule {
        PathRule {
            prefix: prefix.parse().unwrap(),
            methods: methods.to_vec(),
            policies: policies.iter().map(|name| (*name).into()).collect(),
        }
    }

    #[test]
    fn the_longest_prefix_decides_alone() {
        let rules = HttpRules::new(vec![
            rule("/", &[Get], &["all"]),
            rule("/api/admin", &[Get], &["services"]),
            rule("/api", &[Get], &["all", "services"]),
            rule("/api", &[Post], &["services"]),
        ]);
        for (policy, method, path, allowed) in [
            ("all", Get, "/", true),
            ("all", Get, "/x", true),
            ("services", Get, "/x", false),
            ("all", Get, "/api/x", true),
            ("all", Post, "/api/x", false),
            ("services", Post, "/api/x", true),
            ("services", Head, "/api/x", false),
            ("all", Get, "/api/admin", false),
            ("all", Get, "/api/%61dmin", false),
            ("all", Get, "/api/administrator", true),
            ("services", Get, "/api/admin/x", true),
            ("services", Post, "/api/admin/x", false),
            ("nobody", Get, "/.well-known/countersign", true),
            ("nobody", Post, "/.well-known/countersign", false),
        ] {
            let path = path.parse().unwrap();
            assert_eq!(rules.allow(policy, method, &path).is_ok(), allowed, "{policy} {method} {path}");
        }
        let none = HttpRules::default().allow("all", Get, &"/x".parse().unwrap());
        assert_eq!(none, Err(PathDenied::NoRule { path: "/x".into() }));
    }
}
