//! `export-broker`

use serde::Serialize;

use super::displayed;
use crate::broker;
use crate::cli::arguments::ExportBroker;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output;

#[derive(Serialize)]
struct Document {
    directory: String,
    files: Vec<String>,
}

pub(in crate::cli) fn run(arguments: ExportBroker, context: &Context) -> Result<(), Failure> {
    let files = broker::export(&context.fleet, &arguments.out)?;
    let document = Document {
        directory: displayed(&arguments.out),
        files: files.iter().map(|file| displayed(file)).collect(),
    };
    if arguments.json.requested {
        return output::json(&document);
    }
    output::line(format_args!("copied {} files to {}", document.files.len(), document.directory))
}
