//! `completions`

use clap::CommandFactory as _;

use crate::cli::arguments::{Arguments, Completions};
use crate::cli::failure::Failure;
use crate::cli::output;

pub(in crate::cli) fn run(arguments: Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "countersign-provision", &mut script);
    output::text(&String::from_utf8_lossy(&script))
}
