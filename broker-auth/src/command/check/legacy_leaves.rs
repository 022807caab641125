//! What a running broker knows of certificates that `legacy-leaf = "warn"` lets in.

use broker_rules::protocol::{Answer, Request};

use super::findings::Listener;
use crate::admin::ask;
use crate::config::Config;

/// Asks the broker that runs by `config`, if a trust lets such certificates in, how many it has admitted.
pub(super) fn count(config: &Config, listeners: &mut [Listener]) {
    let mut lenient = listeners.iter_mut().flat_map(|listener| &mut listener.trusts);
    if !lenient.any(|trust| trust.legacy_leaf == "warn") {
        return;
    }
    let answer = ask(&config.state_directory().join("admin.sock"), &Request::Status);
    for (index, listener) in listeners.iter_mut().enumerate() {
        for trust in listener.trusts.iter_mut().filter(|trust| trust.legacy_leaf == "warn") {
            match &answer {
                // Listeners stand in the order of the configuration, and are only changed by a restart.
                Ok(Answer::Status(status)) => {
                    let running = status.listeners.get(index).and_then(|listener| {
                        listener.trusts.iter().find(|running| running.name == trust.name)
                    });
                    match running {
                        Some(running) => {
                            trust.legacy_leaves = Some(running.legacy_leaves);
                            trust.legacy_leaves_exceeded = running.legacy_leaves_exceeded;
                        }
                        None => trust.legacy_leaves_unknown = Some("it has no such trust".to_owned()),
                    }
                }
                Ok(_) => trust.legacy_leaves_unknown = Some("it answered another question".to_owned()),
                Err(error) => trust.legacy_leaves_unknown = Some(error.to_string()),
            }
        }
    }
}
