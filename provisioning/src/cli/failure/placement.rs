//! Why files cannot put a slot where they were to put it.

use super::Failure;
use crate::cli::exit_code::USAGE;
use crate::image::PlacementError;

impl From<PlacementError> for Failure {
    fn from(error: PlacementError) -> Self {
        let help = match &error {
            PlacementError::Unaligned { .. } => {
                "give an --address that is a multiple of 256, or another --format"
            }
            PlacementError::NoFlash { .. } => {
                "give the --address of a slot in that flash, or another --uf2-family"
            }
        };
        Self::new(USAGE, error, help)
    }
}
