//! Asking a person for a yes.

use std::fmt::Display;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use super::failure::Failure;

/// The longest answer that is read.
const MAX_ANSWER_LEN: u64 = 1024;

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Yes.
    Yes,
    /// Anything else.
    No,
    /// There is no terminal, so nobody was asked.
    NobodyThere,
}

/// Asks on the terminal, if there is one.
pub(super) fn ask(question: impl Display) -> Result<Answer, Failure> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(Answer::NobodyThere);
    }
    let mut answer = String::new();
    write!(io::stderr().lock(), "{question} [y/N] ")
        .and_then(|()| io::stdin().lock().take(MAX_ANSWER_LEN).read_line(&mut answer))
        .map_err(|error| Failure::unanswered(&error))?;
    Ok(match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Answer::Yes,
        _ => Answer::No,
    })
}
