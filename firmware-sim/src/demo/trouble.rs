//! Why the demo cannot go on.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What went wrong with the demo itself, as opposed to a client that was let in or refused by mistake.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// A file of the demo.
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    /// The directory to keep the fleet in is in use.
    #[error("{} exists and is not empty", .0.display())]
    InUse(PathBuf),
    /// A process cannot be started.
    #[error("cannot start {program}: {source}")]
    Start { program: &'static str, source: io::Error },
    /// A command failed.
    #[error("{program} {arguments} ended with {status}:\n{stderr}")]
    Failed { program: &'static str, arguments: String, status: String, stderr: String },
    /// Something expected did not happen in time, or its process ended.
    #[error("{what} did not happen within {waited:.1?}; the last that was said:\n{last}")]
    Silence { what: String, waited: Duration, last: String },
    /// Somebody pressed Ctrl-C.
    #[error("the demo was interrupted")]
    Interrupted,
    /// A client or server of the demo's own cannot be set up.
    #[error("{0}")]
    Setup(String),
}

impl Trouble {
    /// What to do about it.
    pub(super) fn help(&self) -> &'static str {
        match self {
            Self::File { .. } => {
                "the demo needs a temporary directory it can write to; TMPDIR names another one"
            }
            Self::InUse(_) => "name a directory that does not exist yet",
            Self::Start { .. } => "the program runs itself under other names; is its file still there?",
            Self::Failed { .. } => "the command above says what it lacks",
            Self::Silence { .. } => "a very busy machine may need another try; otherwise this is a bug",
            Self::Interrupted => "start it again",
            Self::Setup(_) => "this is a bug",
        }
    }
}
