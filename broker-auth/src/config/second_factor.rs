//! `[second-factor]`: what clients are asked for beside their certificates, where a policy says so.

use std::time::Duration;

use authenticator::trust::Namespace;
use fetch::Url;
use second_factor::token::{Algorithm, TokenRules};

use super::error::ConfigError;
use super::fetch::{FetchConfig, FetchedFiles, FetchedKind};
use super::listener::ListenerConfig;
use super::names::read_namespace;
use super::namespaces::namespaces;
use super::reader::{Table, Value};
use crate::evidence::{KeySource, SecondFactorSettings, TokenSettings};

/// How long a key set is used whose server does not answer: the night in which nobody looks at it.
const KEYS_MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// The oldest key set that may be used: a key that its issuer has taken back for that long is anybody's.
const MAX_KEYS_MAX_AGE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Reads `[second-factor]`. A key set that is fetched is added to `fetched`.
pub(super) fn read_second_factors(
    table: Table<'_>,
    listeners: &[ListenerConfig],
    fetch: &FetchConfig,
    fetched: &mut FetchedFiles,
) -> Result<SecondFactorSettings, ConfigError> {
    let mut settings = SecondFactorSettings::default();
    if let Some(value) = table.get("password") {
        let table = value.table("[second-factor.password]")?;
        settings.password = Some(table.require("file")?.path()?);
        table.finish()?;
    }
    if let Some(value) = table.get("token") {
        settings.token = Some(read_token(value, listeners, fetch, fetched)?);
    }
    table.finish()?;
    Ok(settings)
}

fn read_token(
    value: Value<'_>,
    listeners: &[ListenerConfig],
    fetch: &FetchConfig,
    fetched: &mut FetchedFiles,
) -> Result<TokenSettings, ConfigError> {
    let table = value.table("[second-factor.token]")?;
    let texts = |value: Value<'_>| {
        let elements = value.elements()?;
        elements.iter().map(|value| Ok(value.text()?.to_owned())).collect::<Result<Vec<_>, ConfigError>>()
    };
    let keys = read_keys(&table, fetch, fetched)?;
    let issuer = table.require("issuer")?;
    let audiences = texts(table.require("audience")?)?;
    let algorithms = table.require("algorithms")?;
    let algorithms: Vec<Algorithm> =
        algorithms.elements()?.iter().map(Value::parse).collect::<Result<_, _>>()?;
    let mut rules = TokenRules::new(issuer.text()?.to_owned(), audiences, algorithms)
        .map_err(|error| value.refuse(error.to_string()))?;
    if let Some(claim) = table.get("claim") {
        rules =
            rules.with_claim(claim.text()?.to_owned()).map_err(|error| claim.refuse(error.to_string()))?;
    }
    if let Some(leeway) = table.get("leeway") {
        rules = rules.with_leeway(leeway.duration()?).map_err(|error| leeway.refuse(error.to_string()))?;
    }
    let namespace = match table.get("namespace") {
        Some(value) => Some(read_namespace(value, listeners)?),
        None => only_namespace(listeners),
    };
    table.finish()?;
    Ok(TokenSettings { keys, rules: rules.with_namespace(namespace) })
}

/// The namespace that a name alone is in where nothing says which: the only one.
fn only_namespace(listeners: &[ListenerConfig]) -> Option<Namespace> {
    let mut namespaces = namespaces(listeners).into_iter();
    namespaces.next().filter(|_| namespaces.next().is_none()).cloned()
}

/// `keys`, a file or a URL, and how old those of a URL may become.
fn read_keys(
    table: &Table<'_>,
    fetch: &FetchConfig,
    fetched: &mut FetchedFiles,
) -> Result<KeySource, ConfigError> {
    let (keys, age) = (table.require("keys")?, table.get("keys-max-age"));
    if !keys.text()?.contains("://") {
        return match age {
            Some(age) => Err(age.refuse(
                "it is for a key set with a URL: a file has no server that could confirm it, and is used until it changes",
            )),
            None => Ok(KeySource::File(keys.path()?)),
        };
    }
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
    if max_age < fetch.interval.saturating_mul(2) {
        return Err(place.refuse(format!(
            "keys-max-age is {} s, and [fetch] interval {} s: keys would be too old between two fetches, so it must be at \
             least twice as long",
            max_age.as_secs(),
            fetch.interval.as_secs()
        )));
    }
    let file = fetched.add(FetchedKind::KeySet, url.clone());
    Ok(KeySource::Url { url, file, max_age })
}
