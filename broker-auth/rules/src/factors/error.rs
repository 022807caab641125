//! [`SecondFactorError`]: why a file of second factors is refused.

use std::io;
use std::path::PathBuf;

use second_factor::password::PasswordFileError;
use second_factor::token::KeySetError;

/// Why a file of second factors is refused.
#[derive(Debug, thiserror::Error)]
pub enum SecondFactorError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no text.
    #[error("{} is no UTF-8 text", file.display())]
    NoText {
        /// Which.
        file: PathBuf,
    },
    /// It is no password file.
    #[error("{}: {source}", file.display())]
    Passwords {
        /// Which.
        file: PathBuf,
        /// Why.
        source: PasswordFileError,
    },
    /// It is no key set.
    #[error("{}: {source}", file.display())]
    Keys {
        /// Which.
        file: PathBuf,
        /// Why.
        source: KeySetError,
    },
    /// It comes from a URL, and has not come yet.
    #[error("the key set of {url} has not been fetched yet")]
    NotFetched {
        /// The URL.
        url: String,
    },
    /// It comes from a URL, and what was fetched is not there any more as it came.
    #[error("the key set of {url}: {source}")]
    Fetched {
        /// The URL.
        url: String,
        /// What is wrong with its file.
        source: Box<Self>,
    },
}

impl SecondFactorError {
    /// The same, of a file that is fetched from `url`.
    pub(super) fn of_url(self, url: &str) -> Self {
        let url = url.to_string();
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => Self::NotFetched { url },
            source => Self::Fetched { url, source: Box::new(source) },
        }
    }

    /// Whether it is about a file that is fetched.
    pub fn is_of_fetched(&self) -> bool {
        matches!(self, Self::NotFetched { .. } | Self::Fetched { .. })
    }

    /// Whether the same file may be accepted later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Read { .. } | Self::NotFetched { .. } => true,
            Self::Fetched { source, .. } => source.may_pass(),
            Self::NoText { .. } | Self::Passwords { .. } | Self::Keys { .. } => false,
        }
    }

    /// What the operator does about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Read { .. } => "put the file there, and let the broker read it",
            Self::NoText { .. } | Self::Passwords { .. } => {
                "`countersign-broker passwd` writes password files"
            }
            Self::Keys { .. } => "get the key set (jwks.json) from the issuer of the tokens",
            Self::NotFetched { .. } | Self::Fetched { .. } => {
                "see that its server runs: `countersign-broker status` says why it is not fetched"
            }
        }
    }
}
