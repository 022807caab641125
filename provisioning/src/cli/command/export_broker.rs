//! `export-broker`

use serde::Serialize;

use super::displayed;
use crate::broker::{self, ConfPath, MosquittoHost};
use crate::cli::arguments::{ExportBroker, ExportFor};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::registry::Registry;

#[derive(Serialize)]
struct Document {
    directory: String,
    files: Vec<String>,
}

pub(in crate::cli) fn run(arguments: ExportBroker, context: &Context) -> Result<(), Failure> {
    let mosquitto = match arguments.host {
        ExportFor::Countersign => None,
        ExportFor::Mosquitto => Some(mosquitto_host(&arguments, context)?),
    };
    let files = broker::export(&context.fleet, &arguments.out, mosquitto.as_ref())?;
    let document = Document {
        directory: displayed(&arguments.out),
        files: files.iter().map(|file| displayed(file)).collect(),
    };
    if arguments.json.requested {
        return output::json(&document);
    }
    output::line(format_args!("copied {} files to {}", document.files.len(), document.directory))?;
    let Some(host) = mosquitto else { return Ok(()) };
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
