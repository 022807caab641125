//! Secrets that a broker host has no business with.

use std::path::PathBuf;

use super::Config;

/// What a fleet directory keeps beside its broker.toml, and a broker never needs.
const SECRETS: [&str; 7] = [
    "device-ca/root.key",
    "device-ca/issuing.key",
    "service-ca/root.key",
    "service-ca/issuing.key",
    "broker-ca/root.key",
    "broker-ca/issuing.key",
    "images",
];

impl Config {
    /// CA keys and device images that this process could read beside its configuration. A broker that is broken into
    /// should have none of them; `countersign-provision export-broker` writes what it needs.
    pub fn exposed_secrets(&self) -> Vec<PathBuf> {
        let secrets = SECRETS.iter().map(|secret| self.directory.join(secret));
        secrets.filter(|path| std::fs::File::open(path).is_ok()).collect()
    }
}
