//! `[second-factor]`: what clients are asked for beside their certificates, where a policy says so.

use second_factor::token::{Algorithm, TokenRules};

use super::error::ConfigError;
use super::reader::{Table, Value};
use crate::evidence::{SecondFactorSettings, TokenSettings};

/// Reads `[second-factor]`.
pub(super) fn read_second_factors(table: Table<'_>) -> Result<SecondFactorSettings, ConfigError> {
    let mut settings = SecondFactorSettings::default();
    if let Some(value) = table.get("password") {
        let table = value.table("[second-factor.password]")?;
        settings.password = Some(table.require("file")?.path()?);
        table.finish()?;
    }
    if let Some(value) = table.get("token") {
        settings.token = Some(read_token(value)?);
    }
    table.finish()?;
    Ok(settings)
}

fn read_token(value: Value<'_>) -> Result<TokenSettings, ConfigError> {
    let table = value.table("[second-factor.token]")?;
    let texts = |value: Value<'_>| {
        let elements = value.elements()?;
        elements.iter().map(|value| Ok(value.text()?.to_owned())).collect::<Result<Vec<_>, ConfigError>>()
    };
    let keys = table.require("keys")?;
    if keys.text()?.contains("://") {
        return Err(keys.unsupported());
    }
    let keys = keys.path()?;
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
    if let Some(age) = table.get("keys-max-age") {
        return Err(age.unsupported());
    }
    table.finish()?;
    Ok(TokenSettings { keys, rules })
}
