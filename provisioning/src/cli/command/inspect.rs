//! `inspect`

use std::path::Path;

use serde::Serialize;

use crate::cli::arguments::Inspect;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::inspect::{Content, inspect};

/// One of several files in JSON.
#[derive(Serialize)]
struct Inspected<'a> {
    file: &'a Path,
    #[serde(flatten)]
    content: Content,
}

pub(in crate::cli) fn run(arguments: Inspect) -> Result<(), Failure> {
    let Inspect { files, json } = arguments;
    if let [file] = files.as_slice() {
        let content = inspect(file)?;
        return if json.requested { output::json(&content) } else { output::lines(&content.to_string()) };
    }
    // A file that cannot be read hides nothing of those after it.
    let mut failures = Vec::new();
    let readable = files.iter().filter_map(|file| match inspect(file) {
        Ok(content) => Some(Inspected { file, content }),
        Err(error) => {
            failures.push(Failure::from(error));
            None
        }
    });
    if json.requested {
        output::json_array(|print| readable.into_iter().try_for_each(|inspected| print(&inspected)))?;
    } else {
        for (place, Inspected { file, content }) in readable.enumerate() {
            let gap = if place == 0 { "" } else { "\n" };
            output::lines(&format!("{gap}{}:\n{content}", file.display()))?;
        }
    }
    let last = failures.pop();
    failures.iter().for_each(|failure| {
        failure.report();
    });
    last.map_or(Ok(()), Err)
}
