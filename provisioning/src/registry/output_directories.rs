//! Directories that may hold staged files.

use super::{Registry, RegistryError};

impl Registry {
    /// Remembers that `path` may hold staged files from now on.
    pub(crate) fn open_output_directory(&self, path: &str) -> Result<(), RegistryError> {
        let statement = "INSERT INTO output_directory (path) VALUES (?1) ON CONFLICT DO NOTHING";
        self.connection.execute(statement, [path])?;
        Ok(())
    }

    /// Forgets `path`: no file is staged in it any more.
    pub(crate) fn close_output_directory(&self, path: &str) -> Result<(), RegistryError> {
        self.connection.execute("DELETE FROM output_directory WHERE path = ?1", [path])?;
        Ok(())
    }

    /// All directories that may hold staged files.
    pub(crate) fn output_directories(&self) -> Result<Vec<String>, RegistryError> {
        let mut statement = self.connection.prepare("SELECT path FROM output_directory")?;
        let paths = statement.query_map([], |row| row.get(0))?;
        Ok(paths.collect::<Result<_, _>>()?)
    }
}
