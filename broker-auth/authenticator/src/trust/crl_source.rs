//! [`CrlSource`]: where revocation lists come from.

use std::path::{Path, PathBuf};

/// Where revocation lists come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CrlSource {
    /// A file, or a folder of files.
    Path(PathBuf),
    /// A URL, whose lists somebody else fetches into a file.
    Url {
        /// The URL, for words.
        url: String,
        /// The file, for reading.
        file: PathBuf,
    },
}

impl CrlSource {
    /// What is read.
    pub fn path(&self) -> &Path {
        match self {
            Self::Path(path) => path,
            Self::Url { file, .. } => file,
        }
    }

    /// The URL that `file` is fetched from.
    pub fn url_of(&self, file: &Path) -> Option<&str> {
        match self {
            Self::Url { url, file: fetched } if fetched == file => Some(url),
            Self::Url { .. } | Self::Path(_) => None,
        }
    }
}

impl From<PathBuf> for CrlSource {
    fn from(path: PathBuf) -> Self {
        Self::Path(path)
    }
}
