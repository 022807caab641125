//! [`FileFetchError`]: why a file is still as it was.

use std::io;
use std::path::PathBuf;

use fetch::FetchError;

use super::body::UnusableBody;
use crate::config::FetchedKind;

/// Why a file is still as it was.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileFetchError {
    /// The server sends nothing.
    #[error("{0}; {help}", help = .0.fault.help())]
    Fetch(Box<FetchError>),
    /// What it sends is too long for what is wanted.
    #[error(
        "{url}: it sends more than {max_bytes} bytes, and a {kind} may have no more; name the URL of the {kind} itself"
    )]
    TooLong { url: String, kind: FetchedKind, max_bytes: usize },
    /// What it sends is something else.
    #[error("{url}: it sends no {kind} that could be used: {fault}")]
    Unusable { url: String, kind: FetchedKind, fault: UnusableBody },
    /// It cannot be kept.
    #[error("{url}: it cannot be kept in {}: {source}", file.display())]
    Keep { url: String, file: PathBuf, source: io::Error },
    /// The server says that a file has not changed which is not there.
    #[error("{url}: it says that its {kind} has not changed, and there is none here")]
    NothingToKeep { url: String, kind: FetchedKind },
    /// Its threads end.
    #[error("the broker stops")]
    Stopped,
}
