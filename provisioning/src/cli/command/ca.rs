//! `ca reseal`

use serde::Serialize;

use super::displayed;
use crate::authority::Authority;
use crate::cli::arguments::{Ca, CaCommand, Reseal};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::{output, passphrase};
use crate::fleet::{LockKind, Replacement};
use crate::key;

#[derive(Serialize)]
struct Document {
    file: String,
    changed: bool,
}

pub(in crate::cli) fn run(arguments: Ca, context: &Context) -> Result<(), Failure> {
    match arguments.command {
        CaCommand::Reseal(arguments) => reseal(arguments, context),
    }
}

fn reseal(arguments: Reseal, context: &Context) -> Result<(), Failure> {
    let (old, new) = passphrase::resealing(&arguments)?;
    let new = new.as_ref().unwrap_or(&old);
    // Root keys are kept where no fleet is; those of a fleet are encrypted by one command at a time.
    let lock = arguments.keys.is_empty().then(|| context.lock(LockKind::Issuing)).transpose()?;
    let paths = match &lock {
        Some(_) => Authority::ALL.map(|authority| context.fleet.issuing_key(authority)).to_vec(),
        None => arguments.keys,
    };
    // All are opened before the first is replaced.
    let keys = paths.iter().map(|path| key::reseal(path, &old, new, &context.rng));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    let mut documents = Vec::new();
    for key in keys {
        if key.write()? == Some(Replacement::InPlace) {
            output::rewritten(key.path());
        }
        documents.push(Document { file: displayed(key.path()), changed: key.is_changed() });
    }
    if arguments.json.requested {
        return output::json(&documents);
    }
    documents.iter().try_for_each(|Document { file, changed }| {
        output::line(format_args!(
            "{file}: {}",
            if *changed { "encrypted anew" } else { "opens with this passphrase already" }
        ))
    })
}
