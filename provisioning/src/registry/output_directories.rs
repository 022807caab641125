//! Directories that may hold staged files.

use super::{Registry, RegistryError};

impl Registry {
    /// Remembers that `path` may hold staged files from now on.
    pub fn open_output_directory(&self, path: &str) -> Result<(), RegistryError> {
        let statement = "INSERT INTO output_directory (path) VALUES (?1) ON CONFLICT DO NOTHING";
        self.connection.execute(statement, [path])?;
        Ok(())
    }

    /// Forgets `path`: everything in it is where it belongs.
    pub fn close_output_directory(&self, path: &str) -> Result<(), RegistryError> {
        self.connection.execute("DELETE FROM output_directory WHERE path = ?1", [path])?;
        Ok(())
    }

    /// All directories that may hold staged files.
    pub fn output_directories(&self) -> Result<Vec<String>, RegistryError> {
        let mut statement = self.connection.prepare("SELECT path FROM output_directory")?;
        let paths = statement.query_map([], |row| row.get(0))?;
        Ok(paths.collect::<Result<_, _>>()?)
    }
}
