//! From the file to a [`Config`].

use std::path::Path;

use super::Config;
use super::error::{ConfigError, ConfigFault};

impl Config {
    /// Reads and checks a configuration file, but none of the files it names.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let refuse = |fault| ConfigError { file: path.to_owned(), line: None, fault };
        let _text = std::fs::read_to_string(path).map_err(|error| refuse(ConfigFault::Read(error)))?;
        Err(refuse(ConfigFault::Syntax("not read yet".to_owned())))
    }
}
