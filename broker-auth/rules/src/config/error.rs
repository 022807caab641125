//! Why a configuration is refused.

use std::path::PathBuf;

/// Why a configuration is refused, and where.
#[derive(Debug, thiserror::Error)]
#[error("{}{}: {fault}", file.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1, if it is about one.
    pub line: Option<usize>,
    /// What is wrong.
    pub fault: ConfigFault,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFault {
    /// The file cannot be read.
    #[error("cannot read it: {0}")]
    Read(std::io::Error),
    /// It is not TOML.
    #[error("{0}")]
    Syntax(String),
    /// An unknown key.
    #[error("unknown key `{key}` in {table}{}", nearest.map(|nearest| format!(", did you mean `{nearest}`?")).unwrap_or_default())]
    UnknownKey {
        /// The key.
        key: String,
        /// Where it stands.
        table: &'static str,
        /// The known key that is most like it.
        nearest: Option<&'static str>,
    },
    /// A key that must be there is not.
    #[error("{table} lacks `{key}`")]
    Missing {
        /// The key.
        key: &'static str,
        /// Where it should stand.
        table: &'static str,
    },
    /// A value that cannot be.
    #[error("`{key}`: {detail}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong with its value, and what it may be.
        detail: String,
    },
    /// A name that refers to nothing.
    #[error("there is no {what} called {name:?}{}", nearest.as_ref().map(|nearest| format!(", did you mean {nearest:?}?")).unwrap_or_default())]
    UnknownName {
        /// What it should name.
        what: &'static str,
        /// The name.
        name: String,
        /// The name that is most like it.
        nearest: Option<String>,
    },
    /// Two things with one name.
    #[error("there are two {what} called {name:?}")]
    NameTwice {
        /// What they are.
        what: &'static str,
        /// Their name.
        name: String,
    },
    /// A feature that this version does not have.
    #[error("`{key} = {value}` is not supported in this version")]
    Unsupported {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
    },
}

impl ConfigFault {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Read(_) => "name a configuration with --config FILE, or a fleet directory with --fleet DIR",
            Self::Syntax(_) => "the format is TOML 1.0 (https://toml.io)",
            Self::UnknownKey { .. } => "remove the key, or correct its name",
            Self::Missing { .. } => "add the key",
            Self::Value { .. } => "correct the value",
            Self::UnknownName { .. } | Self::NameTwice { .. } => "correct the name",
            Self::Unsupported { .. } => "remove the key, or set it to its default",
        }
    }
}
