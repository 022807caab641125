//! `reconcile`

use std::fs;
use std::io;
use std::path::PathBuf;

use serde::Serialize;

use super::displayed;
use crate::authority::Authority;
use crate::broker::Hosts;
use crate::cli::arguments::Reconcile;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::fleet::{Fleet, LockKind};
use crate::reconcile::{
    self, Authorities, RebuiltSettings, Reconciled, SettingSource, place_registry, settings_from_files,
    start_registry,
};
use crate::registry::{Registry, RegistryError};
use crate::tally::Tally;
use crate::timestamp::EARLIEST;

#[derive(Serialize)]
struct Document<'a> {
    dry_run: bool,
    /// The settings of a registry that was made anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    new_registry: Option<SettingsDocument>,
    #[serde(flatten)]
    reconciled: &'a Reconciled,
}

#[derive(Serialize)]
struct SettingsDocument {
    organization: String,
    broker_hosts: Hosts,
    broker_hosts_from: SettingSource,
    broker_port: u16,
    broker_port_from: SettingSource,
    crl_days: u32,
    crl_days_from: SettingSource,
}

pub(in crate::cli) fn run(arguments: Reconcile, context: &Context) -> Result<(), Failure> {
    let directories: Vec<PathBuf> = arguments.images.iter().chain(&arguments.certs).cloned().collect();
    for directory in &directories {
        fs::read_dir(directory).map_err(|error| Failure::unreadable(directory, &error))?;
    }
    let fleet = &context.fleet;
    if !Authority::ALL.iter().any(|authority| fleet.authority(*authority).is_dir()) {
        return Err(RegistryError::Absent { path: fleet.registry() }.into());
    }
    let _lock = context.lock_without_registry(LockKind::Issuing)?;
    let (reconciled, rebuilt) = if is_lost(fleet)? {
        let (reconciled, rebuilt) = rebuild(&arguments, &directories, context)?;
        (reconciled, Some(rebuilt))
    } else {
        let mut registry = if arguments.dry_run {
            Registry::rehearsal(&fleet.registry())?
        } else {
            Registry::open(&fleet.registry())?
        };
        let authorities = Authorities::read(fleet, context.now);
        (read_back(&directories, &authorities, &mut registry, context)?, None)
    };
    let reported = report(&arguments, &reconciled, rebuilt);
    Failure::left_alone(&reconciled.left).map_or(reported, Err)
}

/// Whether the registry does not exist. One that cannot be read is not absent.
fn is_lost(fleet: &Fleet) -> Result<bool, Failure> {
    let path = fleet.registry();
    match fs::symlink_metadata(&path) {
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(Failure::unreadable(&path, &error)),
    }
}

fn read_back(
    directories: &[PathBuf],
    authorities: &Authorities,
    registry: &mut Registry,
    context: &Context,
) -> Result<Reconciled, Failure> {
    let (fleet, now) = (&context.fleet, context.now);
    let mut reconciled = reconcile::certificates(fleet, directories, authorities, registry, now)?;
    // Only now: a revocation does not wait while files are read.
    let _lock = context.lock_without_registry(LockKind::Revoking)?;
    reconcile::lists(fleet, directories, authorities, registry, &mut reconciled)?;
    Ok(reconciled)
}

/// Makes a registry anew, which appears once it is whole.
fn rebuild(
    arguments: &Reconcile,
    directories: &[PathBuf],
    context: &Context,
) -> Result<(Reconciled, RebuiltSettings), Failure> {
    let fleet = &context.fleet;
    let authorities = Authorities::read_all(fleet, context.now)?;
    let told = Hosts::new(arguments.broker_host.clone());
    let rebuilt = settings_from_files(fleet, directories, &authorities, told)?;
    let mut registry = if arguments.dry_run {
        Registry::rehearsal_of_new(&rebuilt.settings, EARLIEST)?
    } else {
        start_registry(fleet, &rebuilt.settings)?
    };
    let reconciled = read_back(directories, &authorities, &mut registry, context)?;
    registry.agree_to_time(registry.seen_times()?.newest)?;
    if !arguments.dry_run {
        registry.close()?;
        for aside in place_registry(fleet, &fleet.registry_draft())? {
            output::note(format_args!("what was left of the lost registry is in {} now", aside.display()));
        }
    }
    Ok((reconciled, rebuilt))
}

fn report(
    arguments: &Reconcile,
    reconciled: &Reconciled,
    rebuilt: Option<RebuiltSettings>,
) -> Result<(), Failure> {
    let new_registry = rebuilt.map(SettingsDocument::from);
    if arguments.json.requested {
        return output::json(&Document { dry_run: arguments.dry_run, new_registry, reconciled });
    }
    let (has, made) = if arguments.dry_run { ("would have", "would make") } else { ("has", "made") };
    if let Some(settings) = &new_registry {
        output::line(format_args!("{made} the registry anew, with these settings:"))?;
        settings.lines().into_iter().try_for_each(output::line)?;
    }
    let Reconciled { files, certificates, adopted, lists, entries, left } = reconciled;
    output::line(format_args!(
        "read {files} file(s) with {certificates} certificate(s) and {lists} list(s) of this fleet"
    ))?;
    output::line(format_args!(
        "the registry {has} {adopted} certificate(s) and {} entry(s) of lists that it lacked",
        entries.len()
    ))?;
    if !left.is_empty() {
        output::note(format_args!("{} file(s) were left alone:{}", left.len(), Tally(left)));
    }
    if new_registry.is_some() {
        output::note("product, serial number and work order of a device are in no file");
    }
    if !arguments.dry_run && (new_registry.is_some() || *adopted > 0 || !entries.is_empty()) {
        output::note("`countersign-provision crl` publishes lists by what the registry has now");
    }
    Ok(())
}

impl From<RebuiltSettings> for SettingsDocument {
    fn from(rebuilt: RebuiltSettings) -> Self {
        let RebuiltSettings { settings, hosts, port, crl_days } = rebuilt;
        Self {
            organization: settings.organization.to_string(),
            broker_hosts: settings.broker.hosts,
            broker_hosts_from: hosts,
            broker_port: settings.broker.port.get(),
            broker_port_from: port,
            crl_days: settings.crl_days,
            crl_days_from: crl_days,
        }
    }
}

impl SettingsDocument {
    fn lines(&self) -> [String; 4] {
        let source = |source: &SettingSource| match source {
            SettingSource::Operator => "as you said".to_owned(),
            SettingSource::File(path) => format!("from {}", displayed(path)),
            SettingSource::Default => "no file says it: what init takes".to_owned(),
        };
        let hosts: Vec<_> = self.broker_hosts.iter().map(ToString::to_string).collect();
        [
            format!("  organization  {} (from the CAs)", self.organization),
            format!("  broker        {} ({})", hosts.join(", "), source(&self.broker_hosts_from)),
            format!("  port          {} ({})", self.broker_port, source(&self.broker_port_from)),
            format!("  CRLs          {} days ({})", self.crl_days, source(&self.crl_days_from)),
        ]
    }
}
