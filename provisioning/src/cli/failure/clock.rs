//! Why this machine's clock is not believed.

use super::Failure;
use crate::cli::exit_code::{FAILED, REFUSED, USAGE};
use crate::crl::WitnessError;
use crate::timestamp::{ClockBehind, EARLIEST, Leap, Timestamp, WitnessKind};

impl Failure {
    /// A clock far ahead of the last act, and nobody who agreed to it.
    pub(in crate::cli) fn unconfirmed_clock(leap: &Leap) -> Self {
        Self::new(
            USAGE,
            leap,
            "nothing was made; set the clock, or if it is right, run the command again with --yes",
        )
    }

    /// A time that cannot be the right one.
    pub(in crate::cli) fn impossible_time(time: Timestamp) -> Self {
        Self::new(
            REFUSED,
            format!("it cannot be {time}: this program is from after {EARLIEST}"),
            "give the time it is, in UTC, for instance 2026-11-30T09:15:00Z",
        )
    }
}

impl From<ClockBehind> for Failure {
    fn from(error: ClockBehind) -> Self {
        let help = match error.witness.kind {
            WitnessKind::Program => "nothing was made; set this machine's clock",
            WitnessKind::Registry | WitnessKind::List(_) => {
                "nothing was made; set this machine's clock or, if it is right and was wrong then, say so: \
                 `countersign-provision clock accept --now TIME`"
            }
        };
        Self::new(FAILED, error, help)
    }
}

impl From<WitnessError> for Failure {
    fn from(error: WitnessError) -> Self {
        match error {
            WitnessError::Issuer(error) => error.into(),
            WitnessError::Registry(error) => error.into(),
        }
    }
}
