//! `export-broker`

use std::path::PathBuf;

use serde::Serialize;

use super::displayed;
use crate::broker::{self, ConfPath, Extent, MosquittoHost};
use crate::cli::arguments::{ExportBroker, ExportFor};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::registry::Registry;

#[derive(Serialize)]
struct Document {
    directory: String,
    files: Vec<String>,
    /// Configurations that were edited, and left alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    edited: Vec<String>,
}

pub(in crate::cli) fn run(arguments: ExportBroker, context: &Context) -> Result<(), Failure> {
    let mosquitto = match arguments.host {
        ExportFor::Countersign => None,
        ExportFor::Mosquitto => Some(mosquitto_host(&arguments, context)?),
    };
    let extent = match &mosquitto {
        _ if arguments.crl_only => Extent::Lists,
        Some(host) => Extent::Mosquitto(host),
        None => Extent::Countersign,
    };
    let exported = broker::export(&context.fleet, &arguments.out, extent)?;
    for file in &exported.in_place {
        output::rewritten(&arguments.out.join(file));
    }
    let paths = |files: &[PathBuf]| files.iter().map(|file| displayed(file)).collect();
    let document = Document {
        directory: displayed(&arguments.out),
        files: paths(&exported.files),
        edited: paths(&exported.edited),
    };
    let printed = if arguments.json.requested {
        output::json(&document)
    } else {
        output::line(format_args!("copied {} files to {}", document.files.len(), document.directory))
    };
    if !exported.edited.is_empty() {
        let edited: Vec<_> = exported.edited.iter().map(|file| arguments.out.join(file)).collect();
        return Err(Failure::edited(&edited));
    }
    printed?;
    let Some(host) = mosquitto.filter(|_| !arguments.json.requested) else { return Ok(()) };
    let directory = host.directory.as_str();
    output::line(format_args!(
        "give them to mosquitto's user, check, and start:
  chown -R mosquitto: {directory}
  countersign-broker check --config {directory}/broker.toml --mosquitto {directory}/mosquitto.conf
  mosquitto -c {directory}/mosquitto.conf"
    ))
}

fn mosquitto_host(arguments: &ExportBroker, context: &Context) -> Result<MosquittoHost, Failure> {
    let directory = match &arguments.installed_in {
        Some(directory) => directory.clone(),
        None => std::path::absolute(&arguments.out)
            .map_err(|error| Failure::unreadable(&arguments.out, &error))?,
    };
    Ok(MosquittoHost {
        directory: ConfPath::new(&directory)?,
        plugin: ConfPath::new(&arguments.plugin)?,
        port: Registry::open(&context.fleet.registry())?.settings()?.broker.port,
    })
}
