//! `[fetch]`, and the revocation lists that are fetched.

use std::path::{Path, PathBuf};
use std::time::Duration;

use authenticator::certificate::Fingerprint;
use authenticator::trust::CrlSource;
use fetch::{Bounds, Roots, Url};

use super::error::ConfigError;
use super::reader::{Table, Value};

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
    /// How long a list is used before its server is asked again, unless the list or the server says sooner.
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

/// A revocation list that is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedList {
    /// From where.
    pub url: Url,
    /// Into which file.
    pub file: PathBuf,
}

/// The lists that are fetched, as the configuration is read.
pub(super) struct FetchedLists {
    folder: PathBuf,
    lists: Vec<FetchedList>,
}

impl FetchedLists {
    pub(super) fn in_state_directory(directory: &Path) -> Self {
        Self { folder: directory.join(FOLDER_NAME), lists: Vec::new() }
    }

    /// The list at `url`, which several trusts may have.
    pub(super) fn add(&mut self, url: Url) -> CrlSource {
        let digest = Fingerprint::of(url.as_str().as_bytes()).to_string();
        let name: String = digest.chars().take(NAME_LEN).collect();
        let list = FetchedList { url, file: self.folder.join(format!("{name}.crl")) };
        let source = CrlSource::Url { url: list.url.to_string(), file: list.file.clone() };
        if !self.lists.contains(&list) {
            self.lists.push(list);
        }
        source
    }

    pub(super) fn into_lists(self) -> Vec<FetchedList> {
        self.lists
    }
}
