//! [`StagedLists`]: revocation lists that lie beside those in force.

use std::fs;
use std::io;
use std::path::PathBuf;

/// Revocation lists that lie beside those in force, whole, until they take their places.
#[derive(Debug, Default)]
pub struct StagedLists(Vec<(PathBuf, u64)>);

impl StagedLists {
    /// With one for `place`.
    pub(super) fn add(&mut self, place: PathBuf, content: &str) -> io::Result<()> {
        fs::write(staged(&place), content)?;
        self.0.push((place, content.len() as u64));
        Ok(())
    }

    /// The length of the longest, in bytes.
    pub fn longest(&self) -> u64 {
        self.0.iter().map(|(_, length)| *length).max().unwrap_or_default()
    }

    /// Puts each in its place, in one step: a broker may be looking. The list of devices comes last.
    pub fn publish(self) -> io::Result<()> {
        self.0.iter().try_for_each(|(place, _)| fs::rename(staged(place), place))
    }
}

fn staged(place: &std::path::Path) -> PathBuf {
    place.with_added_extension("new")
}
