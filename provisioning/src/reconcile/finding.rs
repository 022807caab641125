//! [`Finding`]: a file that was left alone, and why.

use std::fmt;
use std::io;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use crate::crl::CrlFileFault;
use crate::registry::AdoptionError;
use crate::tally::Counted;

/// A file that was left alone, and why.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    /// The file.
    pub(crate) path: PathBuf,
    /// Why.
    pub(crate) fault: Fault,
}

/// Why a file was left alone.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(io::Error),
    /// A directory, a pipe or a device.
    #[error("it is no regular file")]
    Kind,
    /// Directories below each other without end.
    #[error("it is too deep below the directory that was named")]
    Depth,
    /// Longer than any file of these kinds.
    #[error("it is longer than any image or certificate")]
    TooLong,
    /// Empty, damaged, or something else.
    #[error("it is empty, damaged, or no image or certificate")]
    Damaged,
    /// Signed by others.
    #[error("no CA of this fleet signed its certificate")]
    Foreign,
    /// A CA of this fleet signed it, and it does not fit into the registry.
    #[error("a CA of this fleet signed it, but {0}")]
    Misfit(AdoptionError),
    /// No list of this fleet.
    #[error("{0}")]
    List(CrlFileFault),
    /// The certificates of a CA, without which nothing that it signed is recognized.
    #[error("nothing of this CA is recognized: {0}")]
    Authority(String),
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.fault)
    }
}

impl Counted for Finding {
    fn kind(&self) -> &'static str {
        match self.fault {
            Fault::Read(_) => "cannot be read",
            Fault::Kind | Fault::Depth => "no regular file",
            Fault::TooLong | Fault::Damaged => "damaged, or something else",
            Fault::Foreign => "of no CA of this fleet",
            Fault::Misfit(_) => "does not fit into the registry",
            Fault::List(_) => "no list of this fleet",
            Fault::Authority(_) => "the certificates of a CA",
        }
    }
}
