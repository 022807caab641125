//! What should be looked at where a listener stands in front of an origin.

use super::Config;

impl Config {
    /// Origins that can be overheard, and path rules by which nobody gets anything.
    pub fn https_warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for listener in &self.listeners {
            let Some(https) = listener.transport.https() else { continue };
            let address = listener.settings.address;
            if https.settings.upstream.as_ref().is_some_and(crate::http::Upstream::can_be_overheard) {
                warnings.push(format!(
                    "listener {address} asks its upstream in plain text, and that is not on this host: what clients send, \
                     and who they are, can be read and changed on the way; use https and [listener.upstream-tls]"
                ));
            }
            let admits = |name: &str| {
                self.access.policies.iter().any(|policy| *policy.name == *name && policy.action.admits())
            };
            for rule in https.rules.iter().filter(|rule| !rule.policies.iter().any(|name| admits(name))) {
                warnings.push(format!(
                    "[[listener.path]] {:?} of listener {address} is for policies that let nobody in",
                    rule.prefix.as_str()
                ));
            }
        }
        warnings
    }
}
