//! [`Settings`]: the options of `init` that later commands need.

use std::num::NonZeroU16;
use std::str::FromStr;

use rusqlite::OptionalExtension as _;

use super::{Registry, RegistryError};
use crate::broker::{Address, Host, Hosts};
use crate::organization::Organization;

/// The options of `init` that later commands need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The O attribute of every certificate.
    pub(crate) organization: Organization,
    /// The host names and the port of the broker.
    pub(crate) broker: Address,
    /// The lifetime of CRLs, in days.
    pub(crate) crl_days: u32,
}

const ORGANIZATION: &str = "organization";
const BROKER_HOSTS: &str = "broker_hosts";
const BROKER_PORT: &str = "broker_port";
const CRL_DAYS: &str = "crl_days";

impl Registry {
    /// Reads the settings.
    pub(crate) fn settings(&self) -> Result<Settings, RegistryError> {
        let hosts = self
            .setting::<String>(BROKER_HOSTS)?
            .split(',')
            .map(|host| host.parse::<Host>().map_err(|error| RegistryError::damaged(error.to_string())))
            .collect::<Result<Vec<_>, _>>()?;
        let hosts = Hosts::new(hosts).ok_or_else(|| RegistryError::damaged("no broker host"))?;
        let port = self.setting::<NonZeroU16>(BROKER_PORT)?;
        Ok(Settings {
            organization: self.setting(ORGANIZATION)?,
            broker: Address { hosts, port },
            crl_days: self.setting(CRL_DAYS)?,
        })
    }

    pub(super) fn write_settings(&self, settings: &Settings) -> Result<(), RegistryError> {
        let hosts: Vec<String> = settings.broker.hosts.iter().map(Host::to_string).collect();
        for (name, value) in [
            (ORGANIZATION, settings.organization.to_string()),
            (BROKER_HOSTS, hosts.join(",")),
            (BROKER_PORT, settings.broker.port.to_string()),
            (CRL_DAYS, settings.crl_days.to_string()),
        ] {
            self.connection.execute("INSERT INTO setting (name, value) VALUES (?1, ?2)", (name, value))?;
        }
        Ok(())
    }

    /// Replaces the host names of the broker.
    pub(crate) fn set_broker_hosts(&self, hosts: &Hosts) -> Result<(), RegistryError> {
        let hosts: Vec<String> = hosts.iter().map(Host::to_string).collect();
        let change = "UPDATE setting SET value = ?2 WHERE name = ?1";
        self.connection.execute(change, (BROKER_HOSTS, hosts.join(",")))?;
        Ok(())
    }

    fn setting<T: FromStr>(&self, name: &str) -> Result<T, RegistryError> {
        let text: Option<String> = self
            .connection
            .query_row("SELECT value FROM setting WHERE name = ?1", [name], |row| row.get(0))
            .optional()?;
        let value = text.and_then(|text| text.parse().ok());
        value.ok_or_else(|| RegistryError::damaged(format!("setting {name} is missing or makes no sense")))
    }
}
