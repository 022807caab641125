//! Names of trusts, identities, listeners and servers in policies: those that are nobody's are refused.

use std::net::SocketAddr;

use authenticator::origin::ServerName;
use authenticator::policy::IdentityMatch;
use authenticator::trust::{Namespace, TrustName};

use super::error::{ConfigError, ConfigFault};
use super::listener::{Front, ListenerRules};
use super::namespaces::namespaces;
use super::reader::Value;

pub(super) fn read_identity(
    value: &Value<'_>,
    trust: Option<&TrustName>,
    listeners: &[ListenerRules<'_>],
) -> Result<IdentityMatch, ConfigError> {
    let identity: IdentityMatch = value.parse()?;
    let trusts = listeners.iter().flat_map(|listener| listener.trusts);
    let mut namespaces =
        trusts.filter(|known| trust.is_none_or(|trust| *trust == known.name)).map(|trust| &trust.namespace);
    match identity.namespace() {
        Some(named) if !namespaces.any(|namespace| namespace == named) => {
            Err(value.fault(ConfigFault::UnknownName {
                what: "namespace of these trusts",
                name: named.to_string(),
                nearest: None,
            }))
        }
        _ => Ok(identity),
    }
}

pub(super) fn read_trust_name(
    value: Value<'_>,
    listeners: &[ListenerRules<'_>],
) -> Result<TrustName, ConfigError> {
    let name = TrustName::new(value.text()?);
    let known = || listeners.iter().flat_map(|listener| listener.trusts).map(|trust| &trust.name);
    if known().any(|known| *known == name) {
        return Ok(name);
    }
    let nearest = nearest(name.as_str(), known().map(TrustName::as_str));
    Err(value.fault(ConfigFault::UnknownName { what: "trust", name: name.to_string(), nearest }))
}

/// The places of the listeners at an address.
pub(super) fn read_listener(
    value: &Value<'_>,
    listeners: &[ListenerRules<'_>],
) -> Result<Vec<usize>, ConfigError> {
    let mut known = Vec::new();
    for listener in listeners {
        match listener.front {
            Front::Own { address, .. } => known.push(address),
            Front::Host(host) => {
                return Err(value.refuse(format!("{host} cannot tell by which listener a client has come")));
            }
        }
    }
    let address: SocketAddr = value.parse()?;
    let at_address = known.iter().enumerate().filter(|(_, known)| **known == address);
    let places: Vec<_> = at_address.map(|(place, _)| place).collect();
    if places.is_empty() {
        return Err(value.fault(ConfigFault::UnknownName {
            what: "listener",
            name: address.to_string(),
            nearest: known.first().filter(|_| known.len() == 1).map(ToString::to_string),
        }));
    }
    Ok(places)
}

/// The name of a server that clients ask for.
pub(super) fn read_server_name(
    value: Value<'_>,
    listeners: &[ListenerRules<'_>],
) -> Result<ServerName, ConfigError> {
    let mut known: Vec<&ServerName> = Vec::new();
    for listener in listeners {
        match listener.front {
            Front::Own { server_names, .. } => known.extend(&server_names.names),
            Front::Host(host) => {
                return Err(value.refuse(format!("{host} cannot tell which server a client has asked for")));
            }
        }
    }
    let name: ServerName = value.parse()?;
    if known.contains(&&name) {
        return Ok(name);
    }
    let nearest = nearest(name.as_str(), known.iter().map(|known| known.as_str()));
    Err(value.fault(ConfigFault::UnknownName { what: "server name", name: name.to_string(), nearest }))
}

pub(super) fn read_namespace(
    value: Value<'_>,
    listeners: &[ListenerRules<'_>],
) -> Result<Namespace, ConfigError> {
    let name = value.text()?;
    let known = namespaces(listeners);
    if let Some(namespace) = known.iter().find(|known| known.as_str() == name) {
        return Ok((*namespace).clone());
    }
    let nearest = nearest(name, known.iter().map(|known| known.as_str()));
    Err(value.fault(ConfigFault::UnknownName {
        what: "namespace of a trust",
        name: name.to_owned(),
        nearest,
    }))
}

/// The known name that was probably meant.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|known| (strsim::jaro_winkler(known, name), known))
        .filter(|(similarity, _)| *similarity > 0.7)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, known)| known.to_owned())
}
