//! `issue`

use std::collections::HashSet;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::replacement::{ReplacementDocument, Replacing, requested_ending};
use super::{IssuingSession, displayed, note_unnamed};
use crate::authority::Authority;
use crate::cli::arguments::Issue;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::conflict::Conflict;
use crate::delivery::OperatingSystem;
use crate::image::{Format, ImageContext, OutputOptions, Placement};
use crate::issuance::{
    Batch, BatchReport, CertificateSummary, Certifier, GROUP_SIZE, Inspection, IssuanceError, IssuedDevice,
    Plan,
};
use crate::issuer::{Issuer, read_chain};
use crate::order::{self, Order, OrderError};
use crate::profile::Validity;
use crate::registry::{Ending, Registry, Settings};
use crate::timestamp::TrustedNow;

#[derive(Serialize)]
struct Document<'a> {
    directory: String,
    issued: usize,
    already_registered: usize,
    restored: Vec<String>,
    lost: Vec<String>,
    devices: &'a [IssuedDevice],
    #[serde(flatten)]
    replacement: ReplacementDocument,
}

pub(in crate::cli) fn run(arguments: Issue, context: &Context) -> Result<(), Failure> {
    if let Some(ending) = requested_ending(&arguments.replacement, context.now)? {
        return replace(&arguments, ending, context);
    }
    let file =
        arguments.order.as_deref().map(|path| order::read(path, arguments.csr_dir.as_deref())).transpose()?;
    let (mut orders, unclear) = match file {
        Some(file) => {
            (file.orders, file.ambiguity.map(|fault| OrderError::Header { path: file.path, fault }))
        }
        None => (orders_from_ids(&arguments)?, None),
    };
    orders.iter_mut().for_each(|order| order.shared_serial = arguments.shared_serial);
    let output = output_options(&arguments, context)?;

    let mut session = IssuingSession::open(&arguments.passphrase, &arguments.clock, context)?;
    let resume = arguments.order.is_some() || finishes(&session, &orders, &output)?;
    let images = context.fleet.images();
    let inspection = inspection(&arguments, &output, &images);
    let plan = Plan::make(&session.registry, orders, resume, &inspection, context.now)?;
    if let Some(error) = unclear.filter(|_| !plan.new.is_empty()) {
        return Err(error.into());
    }
    let issuer = session.issuer(Authority::Device)?;
    let report =
        run_batch(&arguments, context, (&mut session.registry, session.now), &issuer, &plan, &output)?;
    print_report(&arguments, &output, &report, ReplacementDocument::default())
}

/// Gives one registered device another key and certificate.
fn replace(arguments: &Issue, ending: Ending, context: &Context) -> Result<(), Failure> {
    let [device_id] = arguments.device_ids.as_slice() else {
        return Err(Failure::several_replaced(arguments.device_ids.len()));
    };
    let output = output_options(arguments, context)?;
    let mut session = IssuingSession::open(&arguments.passphrase, &arguments.clock, context)?;
    let replacing = Replacing::begin(&mut session, device_id, ending)?;
    let images = context.fleet.images();
    let inspection = inspection(arguments, &output, &images);
    let complete = inspection.complete(&session.registry, device_id, context.now)?;
    let (issued, ended) = match session.delivered_now(device_id.as_str())? {
        Some(record) if complete == Some(record.serial) => {
            let ended = replacing.finish(&mut session.registry, record.serial)?;
            let certificate = CertificateSummary::from(&record);
            let files = output.names(device_id, true);
            (IssuedDevice { device_id: device_id.clone(), certificate, files }, ended)
        }
        _ => {
            let settings = session.registry.settings()?;
            let image_context = image_context(&settings, replacing.issuer(), context)?;
            let certifier = certifier(arguments, context, session.now, replacing.issuer(), settings)?;
            let batch = batch(arguments, context, certifier, &image_context, &output);
            let publish = |registry: &mut Registry| replacing.publish(registry);
            let done = batch.replace(&mut session.registry, device_id, replacing.ending, publish)?;
            (done.issued, (done.ended, done.published))
        }
    };
    let newest = issued.certificate.serial;
    let (document, unpublished) = replacing.conclude(&session.registry, newest, ended, &output.directory)?;
    let report = BatchReport { issued: vec![issued], ..BatchReport::default() };
    let printed = print_report(arguments, &output, &report, document);
    unpublished.map_or(printed, Err)
}

fn inspection<'a>(arguments: &Issue, output: &'a OutputOptions, images: &'a Path) -> Inspection<'a> {
    Inspection { output, images, key_slot: arguments.key_slot, keys_delivered: arguments.keys_delivered }
}

/// Whether these devices are what an interrupted command made, and recovery has finished.
fn finishes(session: &IssuingSession<'_>, orders: &[Order], output: &OutputOptions) -> Result<bool, Failure> {
    let mut serials = Vec::new();
    for order in orders {
        match session.registry.registered(&order.device_id, session.context.now)? {
            Some(device) => serials.push(device.serial),
            None => return Ok(false),
        }
    }
    session.finishes(&serials, &output.directory)
}

/// The orders for device ids on the command line, each of them once.
fn orders_from_ids(arguments: &Issue) -> Result<Vec<Order>, Failure> {
    let mut seen = HashSet::new();
    let twice = arguments.device_ids.iter().filter(|id| !seen.insert(*id));
    let twice: Vec<_> = twice.map(|id| Conflict::NamedTwice { device_id: id.clone() }).collect();
    if twice.is_empty() {
        Ok(arguments.device_ids.iter().map(|id| Order::for_device(id.clone(), None)).collect())
    } else {
        Err(IssuanceError::Conflicts(twice).into())
    }
}

fn output_options(arguments: &Issue, context: &Context) -> Result<OutputOptions, Failure> {
    let mut formats = arguments.format.clone();
    formats.sort_unstable();
    formats.dedup();
    let placed = formats.iter().any(|format| format.has_address());
    if placed && arguments.address.is_none() {
        output::note("without --address, hex and uf2 files put the slot at address 0: move it when flashing");
    }
    let placement = Placement::new(&formats, arguments.address.unwrap_or_default(), arguments.uf2_family)?;
    if formats.contains(&Format::Uf2) {
        arguments.uf2_family.iter().for_each(note_unnamed);
    }
    let directory = arguments.out.clone().unwrap_or_else(|| context.fleet.images());
    Ok(OutputOptions { directory, formats, placement })
}

fn run_batch(
    arguments: &Issue,
    context: &Context,
    (registry, now): (&mut Registry, TrustedNow),
    issuer: &Issuer,
    plan: &Plan,
    output: &OutputOptions,
) -> Result<BatchReport, Failure> {
    let settings = registry.settings()?;
    let image_context = image_context(&settings, issuer, context)?;
    let certifier = certifier(arguments, context, now, issuer, settings)?;
    let batch = batch(arguments, context, certifier, &image_context, output);
    let bar = progress_bar(plan);
    let report = batch.run(registry, plan, |devices| bar.inc(devices as u64));
    bar.finish_and_clear();
    Ok(report?)
}

fn image_context(settings: &Settings, issuer: &Issuer, context: &Context) -> Result<ImageContext, Failure> {
    Ok(ImageContext {
        broker_root: read_chain(&context.fleet, Authority::Broker, context.now)?.root().to_vec(),
        device_root: issuer.chain().root().to_vec(),
        broker: settings.broker.clone(),
        time_floor: context.now,
    })
}

fn certifier<'a>(
    arguments: &Issue,
    context: &'a Context,
    now: TrustedNow,
    issuer: &'a Issuer,
    settings: Settings,
) -> Result<Certifier<'a>, Failure> {
    Ok(Certifier {
        issuer,
        organization: settings.organization,
        validity: Validity::new(now, arguments.days, issuer.chain().not_after())?,
        rng: &context.rng,
        now: context.now,
    })
}

fn batch<'a>(
    arguments: &Issue,
    context: &'a Context,
    certifier: Certifier<'a>,
    image_context: &'a ImageContext,
    output: &'a OutputOptions,
) -> Batch<'a> {
    Batch {
        files: &OperatingSystem,
        fleet: &context.fleet,
        certifier,
        image_context,
        output,
        key_slot: arguments.key_slot,
        // An order is resumed after an interruption; ids on the command line cannot be, so they are one group.
        group_size: if arguments.order.is_some() { GROUP_SIZE } else { usize::MAX },
    }
}

fn progress_bar(plan: &Plan) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new((plan.new.len() + plan.registered.len()) as u64);
    let style =
        ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} devices, {per_sec}, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn print_report(
    arguments: &Issue,
    output: &OutputOptions,
    report: &BatchReport,
    replacement: ReplacementDocument,
) -> Result<(), Failure> {
    let paths = |paths: &[PathBuf]| paths.iter().map(|path| displayed(path)).collect::<Vec<_>>();
    let document = Document {
        directory: displayed(&output.directory),
        issued: report.issued.len(),
        already_registered: report.already_registered,
        restored: paths(&report.restored),
        lost: paths(&report.lost),
        devices: &report.issued,
        replacement,
    };
    let lost = || match report.lost.first() {
        Some(first) if !arguments.keys_delivered => Err(Failure::lost(first, report.lost.len())),
        Some(_) => {
            output::note(format_args!("{} file(s) of devices made earlier are elsewhere", report.lost.len()));
            Ok(())
        }
        None => Ok(()),
    };
    if arguments.json.requested {
        let printed = output::json(&document);
        return lost().and(printed);
    }
    let mut line = format!("issued {} device(s), files in {}", document.issued, document.directory);
    if document.already_registered > 0 {
        line.push_str(&format!("; {} registered already", document.already_registered));
    }
    if !document.restored.is_empty() {
        line.push_str(&format!(", {} file(s) put back", document.restored.len()));
    }
    let printed = output::line(line)
        .and_then(|()| document.lost.iter().try_for_each(|path| output::line(format_args!("  lost: {path}"))))
        .and_then(|()| document.replacement.print());
    lost().and(printed)
}
