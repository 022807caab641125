//! [`Options`] of a simulated fleet.

use std::path::PathBuf;
use std::time::Duration;

use super::network::Endpoint;

/// The options of `countersign-sim fleet`.
#[derive(Clone, Debug)]
pub struct Options {
    /// A directory of credential images, or one image.
    pub images: PathBuf,
    /// The broker. `None`: the one that each image names.
    pub broker: Option<Endpoint>,
    /// Messages a second of each device. 0: none.
    pub rate: f64,
    /// How long the devices run. `None`: until a signal comes.
    pub duration: Option<Duration>,
    /// How many devices run at most. `None`: one per image.
    pub devices: Option<usize>,
    /// How many devices start a second.
    pub ramp: u32,
    /// Whether to print JSON lines instead of text.
    pub json: bool,
    /// Whether to print every change of state and every command.
    pub device_log: bool,
}
