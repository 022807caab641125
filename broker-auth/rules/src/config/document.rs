//! [`Document`]: the text of a configuration, read as TOML.

use std::path::Path;

use toml::Spanned;
use toml::de::DeTable;

use super::error::{ConfigError, ConfigFault};
use super::reader::{Source, Table};

/// A text that is TOML.
#[derive(Debug)]
pub struct Document<'a> {
    source: Source<'a>,
    table: Spanned<DeTable<'a>>,
}

impl<'a> Document<'a> {
    /// Reads `text`, which stands, or will stand, in `file`.
    ///
    /// # Errors
    /// It is no TOML.
    pub fn parse(file: &'a Path, text: &'a str) -> Result<Self, ConfigError> {
        let source = Source { file, text };
        let table = DeTable::parse(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            source.refuse(offset, ConfigFault::Syntax(error.message().to_owned()))
        })?;
        Ok(Self { source, table })
    }

    /// Its outermost table.
    pub fn root(&self) -> Table<'_> {
        Table::root(self.source, self.table.get_ref())
    }
}
