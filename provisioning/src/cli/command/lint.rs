//! `lint`

use crate::cli::arguments::Lint;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::lint::{Linted, lint};

/// How wide a line may be.
const COLUMNS: usize = 80;

/// How far the reason of a finding is indented.
const INDENT: &str = "             ";

pub(in crate::cli) fn run(arguments: Lint) -> Result<(), Failure> {
    let linted = lint(&arguments.files)?;
    if arguments.json.requested {
        output::json(&linted)?;
    } else {
        linted.iter().try_for_each(print)?;
    }
    match linted.iter().map(Linted::wanting).sum() {
        0 => Ok(()),
        wanting => Err(Failure::found_wanting(wanting)),
    }
}

fn print(linted: &Linted) -> Result<(), Failure> {
    output::line(format_args!("{}\n  {} {}", linted.file.display(), linted.kind, linted.subject))?;
    for finding in &linted.clauses {
        output::line(format_args!(
            "  {:<9}  {:<16}  {:<10}  {}",
            finding.result, finding.clause, finding.level, finding.what
        ))?;
        for line in finding.reason.iter().flat_map(|reason| wrapped(reason)) {
            output::line(format_args!("{INDENT}{line}"))?;
        }
    }
    Ok(())
}

/// A text in lines that fit behind the indentation; a longer word has a line of its own.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if INDENT.len() + line.chars().count() + 1 + word.chars().count() <= COLUMNS => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
