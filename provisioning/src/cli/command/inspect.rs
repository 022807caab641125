//! `inspect`

use crate::cli::arguments::Inspect;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::inspect::inspect;

pub(in crate::cli) fn run(arguments: Inspect) -> Result<(), Failure> {
    let content = inspect(&arguments.file)?;
    if arguments.json.requested { output::json(&content) } else { output::lines(&content.to_string()) }
}
