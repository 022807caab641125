//! The conditions in `[[policy]] match`.

use authenticator::identity::CertificateField;
use authenticator::policy::Condition;

use super::error::ConfigError;
use super::listener::ListenerRules;
use super::names::{read_identity, read_listener, read_server_name, read_trust_name};
use super::network::read_network;
use super::reader::{Table, Value};

/// How deep conditions may stand in each other.
const MAX_DEPTH: usize = 8;

/// The keys of `match` that are neither its trust, identity nor verdict.
pub(super) fn read_conditions(
    table: &Table<'_>,
    listeners: &[ListenerRules<'_>],
    depth: usize,
) -> Result<Vec<Condition>, ConfigError> {
    let mut conditions = Vec::new();
    if let Some(value) = table.get("issuer") {
        conditions.push(Condition::Issuer(any(value)?));
    }
    if let Some(value) = table.get("fields") {
        for (name, wanted) in value.entries("a table of fields and their values")? {
            let field: CertificateField =
                name.parse().map_err(|error| wanted.refuse(format!("{name:?}: {error}")))?;
            let texts =
                elements(wanted)?.iter().map(|value| Ok(value.text()?.into())).collect::<Result<_, _>>()?;
            conditions.push(Condition::Field(field, texts));
        }
    }
    if let Some(value) = table.get("cert-sha256") {
        conditions.push(Condition::Certificate(any(value)?));
    }
    if let Some(value) = table.get("spki-sha256") {
        conditions.push(Condition::Key(any(value)?));
    }
    if let Some(value) = table.get("ends-within") {
        conditions.push(Condition::EndsWithin(value.duration()?));
    }
    if let Some(value) = table.get("listener") {
        let read = |value: &Value<'_>| read_listener(value, listeners);
        let places: Vec<Vec<usize>> = elements(value)?.iter().map(read).collect::<Result<_, _>>()?;
        conditions.push(Condition::Listener(places.concat()));
    }
    if let Some(value) = table.get("source") {
        conditions
            .push(Condition::Source(elements(value)?.iter().map(read_network).collect::<Result<_, _>>()?));
    }
    if let Some(value) = table.get("mqtt-version") {
        conditions.push(Condition::Version(any(value)?));
    }
    if let Some(value) = table.get("server-name") {
        let read = |value: &Value<'_>| read_server_name(*value, listeners);
        conditions.push(Condition::ServerName(elements(value)?.iter().map(read).collect::<Result<_, _>>()?));
    }
    for (key, combine) in [
        ("all", Condition::All as fn(Vec<Condition>) -> Condition),
        ("any", Condition::Any),
        ("not", Condition::Not),
    ] {
        let Some(value) = table.get(key) else { continue };
        if depth == MAX_DEPTH {
            return Err(value.refuse(format!("conditions stand in each other more than {MAX_DEPTH} deep")));
        }
        let read = |value: &Value<'_>| read_nested(*value, listeners, depth + 1);
        conditions.push(combine(elements(value)?.iter().map(read).collect::<Result<_, _>>()?));
    }
    Ok(conditions)
}

/// A table below `all`, `any` or `not`: all of its keys must hold.
fn read_nested(
    value: Value<'_>,
    listeners: &[ListenerRules<'_>],
    depth: usize,
) -> Result<Condition, ConfigError> {
    let table = value.table("a condition")?;
    let mut conditions = Vec::new();
    if let Some(value) = table.get("trust") {
        let read = |value: &Value<'_>| read_trust_name(*value, listeners);
        conditions.push(Condition::Trust(elements(value)?.iter().map(read).collect::<Result<_, _>>()?));
    }
    if let Some(value) = table.get("identity") {
        let read = |value: &Value<'_>| read_identity(value, None, listeners);
        conditions.push(Condition::Identity(elements(value)?.iter().map(read).collect::<Result<_, _>>()?));
    }
    if let Some(value) = table.get("verdict") {
        return Err(value.refuse("the verdict stands beside all, any and not, and not in them"));
    }
    conditions.extend(read_conditions(&table, listeners, depth)?);
    table.finish()?;
    if conditions.is_empty() {
        // Empty must not mean everyone, nor nobody.
        return Err(value.refuse("a condition is empty"));
    }
    Ok(Condition::All(conditions))
}

fn any<T: std::str::FromStr<Err: std::fmt::Display>>(value: Value<'_>) -> Result<Vec<T>, ConfigError> {
    elements(value)?.iter().map(Value::parse).collect()
}

/// One value, or several; not none.
fn elements<'a>(value: Value<'a>) -> Result<Vec<Value<'a>>, ConfigError> {
    let elements = value.elements()?;
    if elements.is_empty() { Err(value.refuse("an empty list is for nobody")) } else { Ok(elements) }
}
