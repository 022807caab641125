//! A registry that takes the place of a lost one: its settings are those that the fleet's files follow.

use std::fs::{self, File};
use std::io;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::OID_X509_ORGANIZATION_NAME;
use x509_parser::prelude::FromDer as _;

use super::reading::{self, Authorities};
use super::walk::{Files, KindOfName};
use crate::authority::Authority;
use crate::broker::{Address, Host, Hosts};
use crate::crl::PublishedCrl;
use crate::delivery::{FileSystem as _, OperatingSystem};
use crate::fleet::{Fleet, sync_directory};
use crate::image::FileContent;
use crate::issuer::IssuerError;
use crate::organization::Organization;
use crate::profile::CRL_DAYS;
use crate::registry::{Registry, RegistryError, Settings};
use crate::timestamp::{DAY, EARLIEST};

/// Why a lost registry has no successor.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LostRegistryError {
    /// The certificates of a CA are not there, so that nothing of it is recognized.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The CA certificates name no organization.
    #[error("the CA certificates name no organization that certificates could be made with")]
    Organization,
    /// Neither an image nor the broker's certificate is there.
    #[error("no file of this fleet says what its broker is called")]
    Hosts,
    /// A file cannot be written.
    #[error("cannot write {path}: {source}", path = .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// SQLite did not do what was asked of it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// The settings of a fleet as its files have them, and where each was found.
#[derive(Debug)]
pub(crate) struct RebuiltSettings {
    /// The settings.
    pub(crate) settings: Settings,
    /// Where the broker's names are from.
    pub(crate) hosts: SettingSource,
    /// Where the broker's port is from.
    pub(crate) port: SettingSource,
    /// Where the lifetime of lists is from.
    pub(crate) crl_days: SettingSource,
}

/// Where a setting is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SettingSource {
    /// The operator said it.
    Operator,
    /// This file.
    File(PathBuf),
    /// No file says it: it is what `init` takes.
    Default,
}

impl Serialize for SettingSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Operator => serializer.serialize_str("operator"),
            Self::File(path) => serializer.collect_str(&path.display()),
            Self::Default => serializer.serialize_str("default"),
        }
    }
}

/// Finds the settings of a fleet in its files: the organization in the CA certificates, the broker's names in its
/// certificate and in an image, which also has the port, and the lifetime of lists in a list.
pub(crate) fn settings_from_files(
    fleet: &Fleet,
    directories: &[PathBuf],
    authorities: &Authorities,
    told: Option<Hosts>,
) -> Result<RebuiltSettings, LostRegistryError> {
    let image = first_image(fleet, directories);
    let (hosts, hosts_from) = match told {
        Some(hosts) => (hosts, SettingSource::Operator),
        None => hosts(fleet, authorities, image.as_ref()).ok_or(LostRegistryError::Hosts)?,
    };
    let (port, port_from) = match image {
        Some(image) => (image.port, SettingSource::File(image.path)),
        None => (Address::STANDARD_PORT, SettingSource::Default),
    };
    let (crl_days, crl_days_from) = crl_days(fleet, authorities);
    let organization = authorities.chains().find_map(|(_, chain)| organization(chain.issuing()));
    let settings = Settings {
        organization: organization.ok_or(LostRegistryError::Organization)?,
        broker: Address { hosts, port },
        crl_days,
    };
    Ok(RebuiltSettings { settings, hosts: hosts_from, port: port_from, crl_days: crl_days_from })
}

/// The broker in an image.
struct BrokerOfImage {
    path: PathBuf,
    host: Host,
    port: NonZeroU16,
}

fn first_image(fleet: &Fleet, directories: &[PathBuf]) -> Option<BrokerOfImage> {
    let images = fleet.images();
    Files::below([&images].into_iter().chain(directories)).find_map(|entry| {
        let Ok((path, KindOfName::Image)) = entry else { return None };
        let (host, port) = FileContent::read(&reading::read(&path).ok()?).ok()?.broker()?;
        Some(BrokerOfImage { path, host: host.parse().ok()?, port: NonZeroU16::new(port)? })
    })
}

/// The names in the broker's certificate, that which devices use first.
fn hosts(
    fleet: &Fleet,
    authorities: &Authorities,
    image: Option<&BrokerOfImage>,
) -> Option<(Hosts, SettingSource)> {
    let path = fleet.broker_certificate();
    let certificate = authorities.certificates_in(&path).unwrap_or_default().into_iter().next();
    let own = certificate.filter(|found| found.certificate.authority() == Authority::Broker);
    let certified = own.and_then(|found| Hosts::new(names(found.certificate.der())));
    match (image.and_then(|image| Hosts::new(vec![image.host.clone()])), certified) {
        (Some(first), Some(certified)) => Some((first.with(&certified), SettingSource::File(path))),
        (None, Some(certified)) => Some((certified, SettingSource::File(path))),
        (Some(first), None) => Some((first, SettingSource::File(image?.path.clone()))),
        (None, None) => None,
    }
}

/// The alternative names of a certificate.
fn names(der: &[u8]) -> Vec<Host> {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return Vec::new() };
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => name.parse().ok(),
        GeneralName::IPAddress(octets) => <[u8; 4]>::try_from(*octets)
            .map(IpAddr::from)
            .or_else(|_| <[u8; 16]>::try_from(*octets).map(IpAddr::from))
            .map(Host::Ip)
            .ok(),
        _ => None,
    };
    names.value.general_names.iter().filter_map(name).collect()
}

fn organization(der: &[u8]) -> Option<Organization> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let name = certificate.subject().iter_by_oid(&OID_X509_ORGANIZATION_NAME).next()?;
    name.as_str().ok()?.parse().ok()
}

fn crl_days(fleet: &Fleet, authorities: &Authorities) -> (u32, SettingSource) {
    let found = authorities.chains().find_map(|(authority, chain)| {
        let path = fleet.crl(authority);
        let state = PublishedCrl::read(&path, chain).ok()??.state();
        let seconds = state.next_update.unix().saturating_sub(state.this_update.unix());
        let days = u32::try_from(seconds / DAY).ok().filter(|days| *days > 0)?;
        Some((days, SettingSource::File(path)))
    });
    found.unwrap_or((CRL_DAYS, SettingSource::Default))
}

/// Begins a registry beside the place of the lost one, which gets its name when it is whole.
pub(crate) fn start_registry(fleet: &Fleet, settings: &Settings) -> Result<Registry, LostRegistryError> {
    let draft = fleet.registry_draft();
    // What an interrupted command left.
    for path in with_journals(&draft) {
        remove_if_there(&path).map_err(|source| LostRegistryError::Write { path, source })?;
    }
    // Its time is that of what is read back, and not this machine's: a wrong clock would be believed from now on.
    Ok(Registry::create(&draft, settings, EARLIEST)?)
}

/// Gives a registry that is whole, in `draft`, the name of the lost one. What SQLite kept beside the lost one is set aside
/// first: it would be taken for the new one's.
pub(crate) fn place_registry(fleet: &Fleet, draft: &Path) -> Result<Vec<PathBuf>, LostRegistryError> {
    let registry = fleet.registry();
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| LostRegistryError::Write { path, source }
    };
    File::open(draft).and_then(|file| file.sync_all()).map_err(failed(draft))?;
    let mut aside = Vec::new();
    for journal in with_journals(&registry).into_iter().skip(1).filter(|path| path.exists()) {
        aside.push(set_aside(&journal).map_err(failed(&journal))?);
    }
    OperatingSystem
        .rename_to_free(draft, &registry)
        .or_else(|error| match error.kind() {
            // The lock for issuing is held, and nobody else makes a registry.
            io::ErrorKind::Unsupported => fs::rename(draft, &registry),
            _ => Err(error),
        })
        .map_err(failed(&registry))?;
    sync_directory(fleet.root()).map_err(failed(fleet.root()))?;
    Ok(aside)
}

/// A database, and the files that SQLite keeps beside it.
fn with_journals(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    })
}

fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let name = path.as_os_str().to_owned();
    for number in 1..=u32::MAX {
        let mut aside = name.clone();
        aside.push(format!(".lost.{number}"));
        if fs::symlink_metadata(&aside).is_err() {
            fs::rename(path, &aside)?;
            return Ok(aside.into());
        }
    }
    Err(io::Error::other("no name is free"))
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
