//! `lint`

use crate::cli::arguments::Lint;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::lint::{Linted, lint};

/// How wide a line may be.
const COLUMNS: usize = 80;

/// Where what was checked begins.
const KIND: usize = 2;

/// Where what a clause asks for begins.
const WHAT: usize = 43;

/// Where the reason of a finding begins.
const REASON: usize = 13;

pub(in crate::cli) fn run(arguments: Lint) -> Result<(), Failure> {
    let linted = lint(&arguments.files)?;
    let printed =
        if arguments.json.requested { output::json(&linted) } else { linted.iter().try_for_each(print) };
    match linted.iter().map(Linted::wanting).sum() {
        0 => printed,
        wanting => Err(Failure::found_wanting(wanting)),
    }
}

fn print(linted: &Linted) -> Result<(), Failure> {
    output::line(format_args!("{}", linted.file.display()))?;
    for line in wrapped(&format!("{} {}", linted.kind, linted.subject), KIND) {
        output::line(format_args!("{:KIND$}{line}", ""))?;
    }
    for finding in &linted.clauses {
        let mut what = wrapped(finding.what, WHAT).into_iter();
        output::line(format_args!(
            "  {:<9}  {:<16}  {:<10}  {}",
            finding.result,
            finding.clause,
            finding.level,
            what.next().unwrap_or_default()
        ))?;
        for line in what {
            output::line(format_args!("{:WHAT$}{line}", ""))?;
        }
        for line in finding.reason.iter().flat_map(|reason| wrapped(reason, REASON)) {
            output::line(format_args!("{:REASON$}{line}", ""))?;
        }
    }
    Ok(())
}

/// A text in lines that fit behind `indent` spaces; a longer word has a line of its own.
fn wrapped(text: &str, indent: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if indent + line.chars().count() + 1 + word.chars().count() <= COLUMNS => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
