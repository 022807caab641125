//! `[fetch]`, and the files that are fetched: revocation lists and key sets.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use authenticator::certificate::Fingerprint;
use authenticator::trust::CrlSource;
use broker_rules::config::{ConfigError, RemoteRevocation, Table, Value};
use fetch::{Bounds, Roots, Url};

/// The folder in the state directory.
const FOLDER_NAME: &str = "fetched";

/// How much of the SHA-256 of its URL a file is called by, in hexadecimal digits.
const NAME_LEN: usize = 32;

/// The longest interval and timeout that are any use, and that times can be computed with.
const MAX_INTERVAL: Duration = Duration::from_secs(30 * 24 * 3600);
const MAX_TIMEOUT: Duration = Duration::from_secs(3600);

/// `[fetch]`: how files are fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchConfig {
    /// The CAs of HTTPS servers.
    pub roots: Roots,
    /// How long a file is used before its server is asked again, unless the file or the server says sooner.
    pub interval: Duration,
    /// What one fetch may take.
    pub bounds: Bounds,
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self {
            roots: Roots::System,
            interval: Duration::from_secs(3600),
            // A list of a million serials has 40 MB.
            bounds: Bounds { max_bytes: 64 * 1024 * 1024, timeout: Duration::from_secs(30) },
        }
    }
}

impl FetchConfig {
    pub(super) fn read(table: Table<'_>) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        if let Some(value) = table.get("ca") {
            let files = value.elements()?.iter().map(Value::path).collect::<Result<Vec<_>, _>>()?;
            if files.is_empty() {
                return Err(value.refuse("an empty list trusts no server: leave it out, or name a file"));
            }
            config.roots = Roots::Files(files);
        }
        if let Some(value) = table.get("interval") {
            config.interval = value.duration()?;
            if !(Duration::from_secs(1)..=MAX_INTERVAL).contains(&config.interval) {
                return Err(value.refuse("it is shorter than 1s, or longer than 30d"));
            }
        }
        if let Some(value) = table.get("timeout") {
            config.bounds.timeout = value.duration()?;
            if !(Duration::from_millis(1)..=MAX_TIMEOUT).contains(&config.bounds.timeout) {
                return Err(value.refuse("it is zero, or longer than 1h"));
            }
        }
        if let Some(value) = table.get("max-bytes") {
            config.bounds.max_bytes = value.positive()?;
        }
        table.finish()?;
        Ok(config)
    }
}

/// What a file is that is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchedKind {
    /// A revocation list, of a trust.
    RevocationList,
    /// The key set of an issuer of tokens (RFC 7517 §5).
    KeySet,
}

impl FetchedKind {
    /// How a file of it ends.
    fn extension(self) -> &'static str {
        match self {
            Self::RevocationList => "crl",
            Self::KeySet => "jwks",
        }
    }
}

impl fmt::Display for FetchedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::RevocationList => "revocation list",
            Self::KeySet => "key set",
        })
    }
}

/// A file that is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedFile {
    /// What it is.
    pub kind: FetchedKind,
    /// From where.
    pub url: Url,
    /// Where it is kept.
    pub path: PathBuf,
}

/// The files that are fetched, as the configuration is read.
pub(super) struct FetchedFiles {
    folder: PathBuf,
    files: Vec<FetchedFile>,
}

impl FetchedFiles {
    pub(super) fn in_state_directory(directory: &Path) -> Self {
        Self { folder: directory.join(FOLDER_NAME), files: Vec::new() }
    }

    /// The file at `url`; where it is kept.
    pub(super) fn add(&mut self, kind: FetchedKind, url: Url) -> PathBuf {
        let digest = Fingerprint::of(url.as_str().as_bytes()).to_string();
        let name: String = digest.chars().take(NAME_LEN).collect();
        let path = self.folder.join(format!("{name}.{}", kind.extension()));
        let file = FetchedFile { kind, url, path: path.clone() };
        if !self.files.contains(&file) {
            self.files.push(file);
        }
        path
    }

    pub(super) fn into_files(self) -> Vec<FetchedFile> {
        self.files
    }
}

impl RemoteRevocation for FetchedFiles {
    /// Several trusts may have it.
    fn list(&mut self, value: &Value<'_>) -> Result<CrlSource, ConfigError> {
        let url: Url = value.parse()?;
        let text = url.to_string();
        Ok(CrlSource::Url { url: text, file: self.add(FetchedKind::RevocationList, url) })
    }

    fn ocsp(&mut self, _: &Value<'_>) -> Result<(), ConfigError> {
        Ok(())
    }
}
