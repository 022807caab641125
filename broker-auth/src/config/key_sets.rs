//! Key sets with a URL.

use std::time::Duration;

use broker_rules::config::{ConfigError, RemoteKeySets, Value};
use broker_rules::factors::KeySource;
use fetch::Url;

use super::fetch::{FetchedFiles, FetchedKind};

/// How long a key set is used whose server does not answer: the night in which nobody looks at it.
const KEYS_MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// The oldest key set that may be used: a key that its issuer has taken back for that long is anybody's.
const MAX_KEYS_MAX_AGE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Adds key sets to the files that are fetched.
pub(super) struct FetchedKeySets<'a> {
    pub(super) files: &'a mut FetchedFiles,
    /// How often they are.
    pub(super) interval: Duration,
}

impl RemoteKeySets for FetchedKeySets<'_> {
    fn key_set(&mut self, keys: &Value<'_>, age: Option<&Value<'_>>) -> Result<KeySource, ConfigError> {
        let url: Url = keys.parse()?;
        // Unlike a revocation list, a key set is not signed: whoever can change it on its way makes tokens.
        if !url.is_https() && !url.is_loopback() {
            return Err(keys.refuse(
                "a key set is not signed, and anybody on the way could put a key into it: name an https URL (http is for \
                 loopback addresses alone)",
            ));
        }
        let (place, max_age) = match age {
            Some(age) => (age, age.duration()?),
            None => (keys, KEYS_MAX_AGE),
        };
        if max_age > MAX_KEYS_MAX_AGE {
            return Err(
                place.refuse("keys would be used that their issuer may have taken back more than 30d ago")
            );
        }
        // Otherwise one fetch that fails would end every session.
        if max_age < self.interval.saturating_mul(2) {
            return Err(place.refuse(format!(
                "keys-max-age is {} s, and [fetch] interval {} s: keys would be too old between two fetches, so it must be at \
                 least twice as long",
                max_age.as_secs(),
                self.interval.as_secs()
            )));
        }
        let file = self.files.add(FetchedKind::KeySet, url.clone());
        Ok(KeySource::Url { url: url.to_string(), file, max_age })
    }
}
