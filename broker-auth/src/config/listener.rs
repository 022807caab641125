//! `[[listener]]`.

use std::path::PathBuf;

use authenticator::ruleset::Mode;
use authenticator::trust::TrustConfig;
use broker_rules::config::{
    ConfigError, Front, ListenerRules, Table, Value, read_mode, read_network, read_trusts,
};

use super::fetch::FetchedFiles;
use super::limits::read_limits;
use super::server_names::read_server_names;
use super::transport::Transport;
use crate::listener::{Limits, ListenerSettings};
use crate::transport::{MqttAlpn, TlsVersions};

/// One address that clients connect to.
#[derive(Clone, Debug)]
pub struct ListenerConfig {
    /// Address, TLS versions and limits.
    pub settings: ListenerSettings,
    /// What it carries.
    pub transport: Transport,
    /// What it makes of clients whose certificate is not proven.
    pub mode: Mode,
    /// PEM: the broker's certificate, then its issuing CA's.
    pub server_cert: PathBuf,
    /// PEM: the broker's private key.
    pub server_key: PathBuf,
    /// The trusts that vouch for clients; at least one.
    pub trusts: Vec<TrustConfig>,
}

/// Where the parts of a listener stand in the file.
pub(super) struct ListenerPlaces<'a> {
    /// Its address.
    pub(super) address: Value<'a>,
    /// The names of its trusts, in order.
    pub(super) trusts: Vec<Value<'a>>,
}

impl ListenerConfig {
    /// What it decides by.
    pub(super) fn rules(&self) -> ListenerRules<'_> {
        let settings = &self.settings;
        let front = Front::Own { address: settings.address, server_names: &settings.server_names };
        ListenerRules { front, mode: self.mode, trusts: &self.trusts }
    }

    /// Reads a listener, and where its parts stand, for errors about them.
    pub(super) fn read<'a>(
        place: usize,
        table: Table<'a>,
        fetched: &mut FetchedFiles,
    ) -> Result<(Self, ListenerPlaces<'a>), ConfigError> {
        let address_place = table.require("address")?;
        let address = address_place.parse()?;
        let server_names = read_server_names(&table)?;
        let transport = Transport::read(&table)?;
        let mode = read_mode(&table)?;
        let tls_versions = match table.get("tls-versions") {
            Some(value) => read_tls_versions(value)?,
            None => TlsVersions::Tls13,
        };
        let alpn = match table.get("alpn") {
            Some(value) if transport != Transport::Tls => {
                return Err(value.refuse("it is for a listener with transport = \"tls\""));
            }
            Some(value) => value.choice(&[("accept", MqttAlpn::Accept), ("require", MqttAlpn::Require)])?,
            None => MqttAlpn::default(),
        };
        let proxies = match table.get("proxy") {
            Some(value) => value.elements()?.iter().map(read_network).collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        let server_cert = table.require("server-cert")?.path()?;
        let server_key = table.require("server-key")?.path()?;
        let limits = match table.get("limits") {
            Some(value) => read_limits(value.table("[listener.limits]")?)?,
            None => Limits::default(),
        };
        let (trusts, places) = read_trusts(&table, fetched)?;
        table.finish()?;
        let settings = ListenerSettings { place, address, server_names, tls_versions, alpn, proxies, limits };
        let listener = Self { settings, transport, mode, server_cert, server_key, trusts };
        Ok((listener, ListenerPlaces { address: address_place, trusts: places }))
    }
}

fn read_tls_versions(value: Value<'_>) -> Result<TlsVersions, ConfigError> {
    let (mut tls12, mut tls13) = (false, false);
    for version in value.elements()? {
        if version.choice(&[("1.2", true), ("1.3", false)])? {
            tls12 = true;
        } else {
            tls13 = true;
        }
    }
    match (tls12, tls13) {
        (false, true) => Ok(TlsVersions::Tls13),
        (true, true) => Ok(TlsVersions::Tls12And13),
        (true, false) => Ok(TlsVersions::Tls12),
        (false, false) => Err(value.refuse("at least one version is needed")),
    }
}
