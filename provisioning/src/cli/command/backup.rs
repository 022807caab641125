//! `backup` and `restore`

use serde::Serialize;

use super::displayed;
use crate::backup::{self, BackupReport, MemberName, Restored};
use crate::cli::arguments::{Backup, Restore};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::fleet::LockKind;
use crate::tally::Tally;

#[derive(Serialize)]
struct Document<'a> {
    file: String,
    #[serde(flatten)]
    report: &'a BackupReport,
}

pub(in crate::cli) fn back_up(arguments: Backup, context: &Context) -> Result<(), Failure> {
    let Backup { file, with_images, json } = arguments;
    if file.file_name().is_none() {
        return Err(Failure::no_file_name(&file));
    }
    let report = backup::back_up(&context.fleet, &file, with_images, context.now)?;
    if json.requested {
        return output::json(&Document { file: displayed(&file), report: &report });
    }
    output::line(format_args!("wrote {} file(s) of the fleet into {}", report.files, file.display()))?;
    for missing in &report.missing {
        output::note(format_args!("{} is not there, and so not in the backup", missing.display()));
    }
    Ok(())
}

pub(in crate::cli) fn restore(arguments: Restore, context: &Context) -> Result<(), Failure> {
    let Restore { file, json } = arguments;
    let fleet = &context.fleet;
    if fleet.root().file_name().is_none() {
        return Err(Failure::no_file_name(fleet.root()));
    }
    let restored = if fleet.root().is_dir() {
        let _issuing = context.lock_without_registry(LockKind::Issuing)?;
        let _revoking = context.lock_without_registry(LockKind::Revoking)?;
        backup::restore(&file, fleet, context.now)?
    } else {
        backup::restore_new(&file, fleet, context.now)?
    };
    let printed = if json.requested { output::json(&restored) } else { print(&restored, context) };
    Failure::left_alone(&restored.reconciled.left).map_or(printed, Err)
}

/// How many names are printed one by one.
const PRINTED: usize = 20;

fn print(restored: &Restored, context: &Context) -> Result<(), Failure> {
    let Restored { restored, kept, set_aside, reconciled } = restored;
    output::line(format_args!(
        "put {} file(s) back into {}, where they were missing",
        restored.len(),
        context.fleet.root().display()
    ))?;
    if !kept.is_empty() {
        output::note(format_args!(
            "{} file(s) are there with another content, and stayed: {}; to take one from the backup, move it away first",
            kept.len(),
            first(kept)
        ));
    }
    for aside in set_aside {
        output::note(format_args!("what was left of the lost registry is in {} now", aside.display()));
    }
    output::line(format_args!(
        "the registry has {} certificate(s) and {} entry(s) of lists that it lacked",
        reconciled.adopted,
        reconciled.entries.len()
    ))?;
    if !reconciled.left.is_empty() {
        let left = &reconciled.left;
        output::note(format_args!("{} file(s) were left alone:{}", left.len(), Tally(left)));
    }
    output::note("`countersign-provision crl` publishes lists by what the registry has now");
    Ok(())
}

fn first(names: &[MemberName]) -> String {
    let mut text: Vec<_> = names.iter().take(PRINTED).map(ToString::to_string).collect();
    if names.len() > PRINTED {
        text.push(format!("and {} more", names.len() - PRINTED));
    }
    text.join(", ")
}
