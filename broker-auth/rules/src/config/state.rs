//! `[state]`: where the broker keeps its own files, and who may look at it.

use std::path::{Path, PathBuf};

use super::document::Document;
use super::error::ConfigError;
use super::file::{directory_of, read_text};
use super::reader::Table;

/// Where the broker keeps what it must not forget, beside the configuration, if `[state]` says nothing else.
const DIRECTORY: &str = "broker";

/// `[state]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateConfig {
    /// The directory. It is the only thing that a broker writes to.
    pub directory: PathBuf,
    /// Where a broker without `[state]` keeps the same.
    pub default_directory: PathBuf,
    /// The group whose members may ask how the broker is.
    pub admin_group: Option<String>,
}

impl StateConfig {
    /// What holds without `[state]`, for a configuration in `directory`.
    pub fn beside(directory: &Path) -> Self {
        let default_directory = directory.join(DIRECTORY);
        Self { directory: default_directory.clone(), default_directory, admin_group: None }
    }

    /// What `[state]` of `root` says, for a configuration in `directory`.
    ///
    /// # Errors
    /// Something in it is wrong.
    pub fn read(root: &Table<'_>, directory: &Path) -> Result<Self, ConfigError> {
        let Some(value) = root.get("state") else { return Ok(Self::beside(directory)) };
        let table = value.table("[state]")?;
        let mut state = Self::beside(directory);
        if let Some(value) = table.get("dir") {
            state.directory = value.path()?;
        }
        if let Some(value) = table.get("admin-group") {
            let name = value.text()?;
            if name.is_empty() {
                return Err(value.refuse("it is empty: name a group, or leave it out"));
            }
            state.admin_group = Some(name.to_owned());
        }
        table.finish()?;
        Ok(state)
    }

    /// What the configuration at `file` says, as far as it can be read: a mistake elsewhere in it keeps nobody from asking the
    /// running broker.
    pub fn of_file(file: &Path) -> Self {
        let directory = directory_of(file);
        let read = || {
            let text = read_text(file).ok()?;
            let document = Document::parse(file, &text).ok()?;
            Self::read(&document.root(), &directory).ok()
        };
        read().unwrap_or_else(|| Self::beside(&directory))
    }

    /// Where the running broker answers.
    pub fn admin_socket(&self) -> PathBuf {
        self.directory.join("admin.sock")
    }
}
