//! [`Options`] of the demo.

use std::path::PathBuf;

/// The options of `countersign-sim demo`.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many devices connect.
    pub devices: u8,
    /// The directory in which the fleet is kept, with its broker running. `None`: nothing is kept.
    pub keep: Option<PathBuf>,
}
