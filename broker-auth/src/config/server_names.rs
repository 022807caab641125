//! `server-names`: several `[[listener]]`s at one address, told apart by the name that a client asks for.

use authenticator::origin::ServerName;
use broker_rules::config::{ConfigError, ServerNames, Table, Value};

use crate::listener::ListenerSettings;

/// Reads the names of a listener.
pub(super) fn read_server_names(table: &Table<'_>) -> Result<ServerNames, ConfigError> {
    let mut names = Vec::new();
    if let Some(value) = table.get("server-names") {
        for name in value.elements()? {
            let parsed = name.parse()?;
            if names.contains(&parsed) {
                return Err(name.refuse(format!("{parsed} stands there twice")));
            }
            names.push(parsed);
        }
        if names.is_empty() {
            return Err(value.refuse("an empty list is asked for by nobody"));
        }
    }
    let default = match table.get("default-server-name") {
        Some(value) => {
            let name: ServerName = value.parse()?;
            if !names.contains(&name) {
                return Err(value.refuse(format!("{name} is none of this listener's `server-names`")));
            }
            Some(name)
        }
        None => None,
    };
    Ok(ServerNames { names, default })
}

/// Refuses listeners at one address that clients could not tell apart, or that would share a socket under different limits.
pub(super) fn refuse_shared_addresses(
    listeners: &[&ListenerSettings],
    places: &[Value<'_>],
) -> Result<(), ConfigError> {
    for (number, (listener, place)) in listeners.iter().zip(places).enumerate() {
        for earlier in listeners.iter().take(number) {
            let (settings, address) = (*listener, listener.address);
            if !settings.shares_a_socket_with(earlier) {
                // Port 0 is another port for each.
                if earlier.address == address && address.port() != 0 {
                    return Err(place.refuse(format!(
                        "two listeners are at {address}: give each its own, or both `server-names` to tell them apart"
                    )));
                }
                continue;
            }
            let mut names = listener.server_names.names.iter();
            if let Some(name) = names.find(|name| earlier.server_names.names.contains(name)) {
                return Err(place.refuse(format!("another listener at {address} is called {name}, too")));
            }
            if listener.server_names.default.is_some() && earlier.server_names.default.is_some() {
                return Err(place.refuse(format!(
                    "two listeners at {address} have a `default-server-name`: a client that sends no name gets one of them"
                )));
            }
            // These are met before the name is known.
            let differs = [
                ("proxy", earlier.proxies != listener.proxies),
                ("[listener.limits]", earlier.limits != listener.limits),
            ];
            if let Some((key, _)) = differs.iter().find(|(_, differs)| *differs) {
                return Err(place.refuse(format!(
                    "listeners at {address} share a socket, and {key} of this one differs: say the same for each"
                )));
            }
        }
    }
    Ok(())
}
