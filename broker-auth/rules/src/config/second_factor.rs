//! `[second-factor]`: what clients are asked for beside their certificates, where a policy says so.

use authenticator::trust::Namespace;
use second_factor::token::{Algorithm, TokenRules};

use super::error::ConfigError;
use super::listener::ListenerRules;
use super::names::read_namespace;
use super::namespaces::namespaces;
use super::reader::{Table, Value};
use super::remote::RemoteKeySets;
use crate::factors::{KeySource, SecondFactorSettings, TokenSettings};

/// Reads `[second-factor]` of `root`. A key set with a URL is left to `remote`.
///
/// # Errors
/// Something in it is wrong.
pub fn read_second_factors(
    root: &Table<'_>,
    listeners: &[ListenerRules<'_>],
    remote: &mut impl RemoteKeySets,
) -> Result<SecondFactorSettings, ConfigError> {
    let mut settings = SecondFactorSettings::default();
    let Some(value) = root.get("second-factor") else { return Ok(settings) };
    let table = value.table("[second-factor]")?;
    if let Some(value) = table.get("password") {
        let table = value.table("[second-factor.password]")?;
        settings.password = Some(table.require("file")?.path()?);
        table.finish()?;
    }
    if let Some(value) = table.get("token") {
        settings.token = Some(read_token(value, listeners, remote)?);
    }
    table.finish()?;
    Ok(settings)
}

fn read_token(
    value: Value<'_>,
    listeners: &[ListenerRules<'_>],
    remote: &mut impl RemoteKeySets,
) -> Result<TokenSettings, ConfigError> {
    let table = value.table("[second-factor.token]")?;
    let texts = |value: Value<'_>| {
        let elements = value.elements()?;
        elements.iter().map(|value| Ok(value.text()?.to_owned())).collect::<Result<Vec<_>, ConfigError>>()
    };
    let keys = read_keys(&table, remote)?;
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
fn only_namespace(listeners: &[ListenerRules<'_>]) -> Option<Namespace> {
    let mut namespaces = namespaces(listeners).into_iter();
    namespaces.next().filter(|_| namespaces.next().is_none()).cloned()
}

/// `keys`, a file or a URL, and how old those of a URL may become.
fn read_keys(table: &Table<'_>, remote: &mut impl RemoteKeySets) -> Result<KeySource, ConfigError> {
    let (keys, age) = (table.require("keys")?, table.get("keys-max-age"));
    if keys.text()?.contains("://") {
        return remote.key_set(&keys, age.as_ref());
    }
    match age {
        Some(age) => Err(age.refuse(
            "it is for a key set with a URL: a file has no server that could confirm it, and is used until it changes",
        )),
        None => Ok(KeySource::File(keys.path()?)),
    }
}
