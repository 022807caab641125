//! `[identity]`: how identities are read from certificates.

use authenticator::identity::{Alternative, Alternatives, IdentityTemplate, Template};

use super::error::ConfigError;
use super::reader::{Table, Value};

/// Reads `[identity]` of `root`.
///
/// # Errors
/// Something in it is wrong.
pub fn read_identity(root: &Table<'_>) -> Result<IdentityTemplate, ConfigError> {
    let mut identity = IdentityTemplate::default();
    let Some(value) = root.get("identity") else { return Ok(identity) };
    let table = value.table("[identity]")?;
    if let Some(value) = table.get("device-id") {
        identity.device_id = read_alternatives(value)?;
    }
    if let Some(value) = table.get("service-name") {
        identity.service_name = read_alternatives(value)?;
    }
    table.finish()?;
    Ok(identity)
}

/// A template, `{ template, regex }`, or several of them in order.
fn read_alternatives(value: Value<'_>) -> Result<Alternatives, ConfigError> {
    let elements = value.elements()?;
    if elements.is_empty() {
        return Err(value.refuse("an empty list reads no identity"));
    }
    elements.iter().map(read_alternative).collect::<Result<_, _>>().map(Alternatives::new)
}

fn read_alternative(value: &Value<'_>) -> Result<Alternative, ConfigError> {
    if value.is_text() {
        return Ok(Alternative { template: value.parse()?, pattern: None });
    }
    let table = value.table("a template")?;
    let template = table.require("template")?;
    let alternative = match table.get("regex") {
        Some(regex) => Alternative {
            template: Template::for_pattern(template.text()?)
                .map_err(|error| template.refuse(error.to_string()))?,
            pattern: Some(regex.parse()?),
        },
        None => Alternative { template: template.parse()?, pattern: None },
    };
    table.finish()?;
    Ok(alternative)
}
