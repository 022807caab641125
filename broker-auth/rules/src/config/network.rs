//! Networks in the configuration.

use std::net::IpAddr;

use ipnet::IpNet;

use super::error::ConfigError;
use super::reader::Value;

/// `10.0.0.0/8`, or an address alone.
///
/// # Errors
/// It is neither.
pub fn read_network(value: &Value<'_>) -> Result<IpNet, ConfigError> {
    let text = value.text()?;
    let network = text.parse().or_else(|_| text.parse().map(|address: IpAddr| IpNet::from(address)));
    network.map_err(|_| {
        value.refuse(format!("{text:?} is neither a network (10.0.0.0/8, 2001:db8::/32) nor an address"))
    })
}
