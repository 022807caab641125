//! `issue`

use std::collections::HashSet;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::{open_for_issuing, shown};
use crate::authority::Authority;
use crate::cli::arguments::Issue;
use crate::cli::failure::Failure;
use crate::cli::{Context, output, passphrase};
use crate::fleet::Duty;
use crate::image::{Format, Output, Surroundings};
use crate::issuance::{Batch, Clash, GROUP, IssuanceError, IssuedDevice, Plan, Report};
use crate::issuer::{Issuer, read_chain};
use crate::order::{self, Order};
use crate::profile::Validity;
use crate::registry::Registry;

#[derive(Serialize)]
struct Document<'a> {
    directory: String,
    issued: usize,
    already_registered: usize,
    restored: Vec<String>,
    lost: Vec<String>,
    devices: &'a [IssuedDevice],
}

pub(in crate::cli) fn run(arguments: Issue, context: &Context) -> Result<(), Failure> {
    let orders = match &arguments.order {
        Some(path) => order::read(path)?,
        None => positional(&arguments)?,
    };
    let output = output_of(&arguments, context);
    let passphrase = passphrase::issuing(&arguments.passphrase)?;

    let _lock = context.lock(Duty::Issuing)?;
    let mut registry = open_for_issuing(&context.fleet)?;
    let plan = Plan::make(&registry, orders, arguments.order.is_some(), &output)?;
    let issuer = Issuer::open(&context.fleet, Authority::Device, &passphrase, context.now)?;
    let report = make(&arguments, context, &mut registry, &issuer, &plan, &output)?;
    tell(&arguments, &output, &report)
}

fn positional(arguments: &Issue) -> Result<Vec<Order>, Failure> {
    let mut seen = HashSet::new();
    let twice = arguments.device_ids.iter().filter(|id| !seen.insert(*id));
    let twice: Vec<_> = twice.map(|id| Clash::Twice { device_id: id.clone() }).collect();
    if twice.is_empty() {
        Ok(arguments.device_ids.iter().map(|id| Order::for_device(id.clone(), None)).collect())
    } else {
        Err(IssuanceError::Clashes(twice).into())
    }
}

fn output_of(arguments: &Issue, context: &Context) -> Output {
    let mut formats = arguments.format.clone();
    formats.sort_unstable();
    formats.dedup();
    let placed = formats.iter().any(|format| matches!(format, Format::Hex | Format::Uf2));
    if placed && arguments.address.is_none() {
        output::note("without --address, hex and uf2 files put the slot at address 0: move it when flashing");
    }
    Output {
        directory: arguments.out.clone().unwrap_or_else(|| context.fleet.images()),
        formats,
        address: arguments.address.unwrap_or(0),
        uf2_family: arguments.uf2_family,
    }
}

fn make(
    arguments: &Issue,
    context: &Context,
    registry: &mut Registry,
    issuer: &Issuer,
    plan: &Plan,
    output: &Output,
) -> Result<Report, Failure> {
    let settings = registry.settings()?;
    let surroundings = Surroundings {
        broker_root: read_chain(&context.fleet, Authority::Broker, context.now)?.root().to_vec(),
        device_root: issuer.chain().root().to_vec(),
        broker: settings.broker,
        time_floor: context.now,
    };
    let batch = Batch {
        fleet: &context.fleet,
        issuer,
        organization: &settings.organization,
        surroundings: &surroundings,
        output,
        key_slot: arguments.key_slot,
        validity: Validity::new(context.now, arguments.days, issuer.chain().not_after())?,
        // Devices named one by one cannot be resumed, so they are made all at once or not at all.
        group: if arguments.order.is_some() { GROUP } else { usize::MAX },
        rng: &context.rng,
        now: context.now,
    };
    let bar = progress_bar(plan);
    let report = batch.run(registry, plan, |made| bar.inc(made as u64));
    bar.finish_and_clear();
    Ok(report?)
}

fn progress_bar(plan: &Plan) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new((plan.new.len() + plan.done.len()) as u64);
    let style =
        ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} devices, {per_sec}, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn tell(arguments: &Issue, output: &Output, report: &Report) -> Result<(), Failure> {
    if !report.lost.is_empty() {
        output::note(format_args!(
            "{} file(s) of devices made earlier are not in {} and cannot be made again: their private keys were in \
             them and nowhere else",
            report.lost.len(),
            output.directory.display()
        ));
    }
    let paths = |paths: &[PathBuf]| paths.iter().map(|path| shown(path)).collect::<Vec<_>>();
    let document = Document {
        directory: shown(&output.directory),
        issued: report.issued.len(),
        already_registered: report.already_registered,
        restored: paths(&report.restored),
        lost: paths(&report.lost),
        devices: &report.issued,
    };
    if arguments.json.wanted {
        return output::json(&document);
    }
    let mut line = format!("issued {} device(s), files in {}", document.issued, document.directory);
    if document.already_registered > 0 {
        line.push_str(&format!("; {} registered already", document.already_registered));
    }
    if !document.restored.is_empty() {
        line.push_str(&format!(", {} file(s) put back", document.restored.len()));
    }
    output::line(line)
}
