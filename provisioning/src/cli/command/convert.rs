//! `convert`

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{displayed, note_unnamed};
use crate::cli::arguments::Convert;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::convert::{Converted, Origin, Source, Wanted, convert};
use crate::delivery::{CopyOutcome, FileCopy, FileSystem as _, OperatingSystem, deliver_copies};
use crate::fleet::directory_of;
use crate::image::Format;

#[derive(Serialize)]
struct Document {
    device_id: String,
    format: &'static str,
    files: Vec<WrittenFile>,
}

#[derive(Serialize)]
struct WrittenFile {
    file: String,
    /// Whether it is new; if not, it was there with the same content.
    written: bool,
}

pub(in crate::cli) fn run(arguments: Convert, context: &Context) -> Result<(), Failure> {
    let Convert { ref files, format, address, uf2_family: family, key_slot, ref out, json } = arguments;
    let source = Source::read(files)?;
    let wanted = Wanted { format, address, family, key_slot };
    let converted = convert(&source, &wanted, || {
        let origin = Origin::open(&context.fleet, context.now)?;
        if let Some(status) =
            origin.status_unless_active(source.device_id().as_str(), source.certificate())?
        {
            output::note(format_args!("the certificate of {} is {status}", source.device_id()));
        }
        Ok(origin)
    })?;
    note_what_is_lost(&source, &wanted);
    let paths = paths(&source, files.first(), out.as_deref(), &converted)?;
    let copies: Vec<_> = paths
        .into_iter()
        .zip(&converted)
        .map(|(path, converted)| FileCopy { path, content: &converted.content })
        .collect();
    let outcomes = deliver_copies(&OperatingSystem, &copies)?;
    let written = copies.iter().zip(outcomes).map(|(copy, outcome)| WrittenFile {
        file: displayed(&copy.path),
        written: outcome == CopyOutcome::Written,
    });
    let document = Document {
        device_id: source.device_id().to_string(),
        format: format.name(),
        files: written.collect(),
    };
    if json.requested {
        return output::json(&document);
    }
    document.files.iter().try_for_each(|file| {
        let what = if file.written { "wrote" } else { "unchanged, with this content already:" };
        output::line(format_args!("{what} {}", file.file))
    })
}

/// Says what the source has, or the options say, and the format cannot hold.
fn note_what_is_lost(source: &Source, wanted: &Wanted) {
    let format = wanted.format;
    let has_family = format == Format::Uf2;
    match (wanted.address, source.address()) {
        _ if format.has_address() => {}
        (Some(address), _) => {
            output::note(format_args!(
                "{format} files hold no address: {address} is not in what was written"
            ));
        }
        (None, Some(address)) => output::note(format_args!(
            "{format} files hold no address: give --address {address:#010x} to convert this one back"
        )),
        (None, None) => {}
    }
    match (wanted.family, source.family()) {
        (Some(family), _) if has_family => note_unnamed(&family),
        (None, None) if has_family => output::note(
            "without --uf2-family, a bootloader that compares the family takes the file for another's",
        ),
        (Some(family), _) if !has_family => {
            output::note(format_args!(
                "{format} files hold no UF2 family: {family} is not in what was written"
            ));
        }
        (None, Some(family)) if !has_family => output::note(format_args!(
            "{format} files hold no UF2 family: give --uf2-family {family:#010x} to convert this one back"
        )),
        _ => {}
    }
    match source {
        Source::Image { .. } if format == Format::Pem => {
            output::note(
                "pem files hold neither broker nor trust anchors: converted back, they get the fleet's",
            );
            if source.key_is_on_device() {
                output::note("the private key is on the device: there is no key.pem");
            }
        }
        Source::Image { .. } if wanted.key_slot.is_some() => {
            output::note("an image says itself where the private key is: --key-slot is for certificates");
        }
        _ => {}
    }
}

/// Where the files go.
fn paths(
    source: &Source,
    first: Option<&PathBuf>,
    out: Option<&Path>,
    converted: &[Converted],
) -> Result<Vec<PathBuf>, Failure> {
    let names = converted.iter().map(|converted| converted.kind.file_name(source.device_id()));
    let directory = match out {
        // A pipe is in a directory where nothing is to be written.
        None => first.filter(|file| file.is_file()).map_or_else(|| Path::new("."), |file| directory_of(file)),
        Some(out) if out.is_dir() || out.as_os_str().as_encoded_bytes().ends_with(b"/") => out,
        Some(out) => {
            return match converted {
                [_] => Ok(vec![out.to_owned()]),
                _ => Err(Failure::several_files(out)),
            };
        }
    };
    let created = OperatingSystem.create_directory(directory);
    created.map_err(|error| Failure::unwritable(directory, &error))?;
    Ok(names.map(|name| directory.join(name)).collect())
}
