//! Why the demo cannot go on.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What went wrong with the demo itself, as opposed to a client that was wrongly accepted or refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    /// The directory of `--keep` is not empty.
    #[error("{} exists and is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// A process cannot be started.
    #[error("cannot start {program}: {source}")]
    Start { program: &'static str, source: io::Error },
    /// A command ended with an exit code other than 0.
    #[error("{program} {arguments} ended with {status}:\n{stderr}")]
    Failed { program: &'static str, arguments: String, status: String, stderr: String },
    /// An expected line or message did not come in time, or its source ended.
    #[error("{what} did not happen within {waited:.1?}; the last that was said:\n{last}")]
    Timeout { what: String, waited: Duration, last: String },
    /// The demo was stopped by a signal.
    #[error("the demo was interrupted")]
    Interrupted,
    /// A client or server of this process cannot be set up.
    #[error("{0}")]
    Setup(String),
}

impl DemoError {
    /// What the user can do about it.
    pub(super) fn help(&self) -> &'static str {
        match self {
            Self::File { .. } => {
                "the demo needs a temporary directory it can write to; TMPDIR names another one"
            }
            Self::NotEmpty(_) => "name a directory that does not exist yet",
            Self::Start { .. } => "the program runs itself under other names; is its file still there?",
            Self::Failed { .. } => "the command above says what it lacks",
            Self::Timeout { .. } => "a very busy machine may need another try; otherwise this is a bug",
            Self::Interrupted => "start it again",
            Self::Setup(_) => "this is a bug",
        }
    }
}
