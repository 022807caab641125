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
    /// A key that nobody knows.
    #[error("unknown key `{key}` in {table}{}", nearest.map(|nearest| format!(", did you mean `{nearest}`?")).unwrap_or_default())]
    UnknownKey {
        /// The key.
        key: String,
        /// Where it stands.
        table: String,
        /// The known key that is most like it.
        nearest: Option<&'static str>,
    },
    /// A key that must be there is not.
    #[error("{table} lacks `{key}`")]
    Missing {
        /// The key.
        key: &'static str,
        /// Where it should stand.
        table: String,
    },
    /// A value that cannot be.
    #[error("`{key}`: {detail}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong with its value, and what it may be.
        detail: String,
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
