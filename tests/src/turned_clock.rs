//! [`TurnedClock`]: the clock of one process, which a test can turn. libfaketime stands between it and the system.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::fleet::Fleet;
use crate::peer::Peer;
use crate::program::run;

/// The clock of a process that is started by it. Right at first. The time that passes is left alone.
#[derive(Debug)]
pub struct TurnedClock {
    library: String,
    offset: PathBuf,
}

impl TurnedClock {
    /// A clock whose offset is kept beside a fleet. `None`: there is no libfaketime.
    pub fn beside(fleet: &Fleet) -> Option<Self> {
        let faketime = Peer::faketime()?;
        // Only the wrapper knows where its library is.
        let told = run(faketime.command().args(["-m", "-f", "+0", "printenv", "LD_PRELOAD"]));
        let clock = Self {
            library: told.stdout_of_success().trim().to_owned(),
            offset: fleet.beside("clock-offset"),
        };
        clock.turn("+0");
        Some(clock)
    }

    /// From now on it differs by this from that of the system: `-1d`, `+1d`, `+0`.
    pub fn turn(&self, offset: &str) {
        // In one step: it is read all the time.
        let staged = self.offset.with_extension("new");
        fs::write(&staged, offset).expect("a file can be written");
        fs::rename(staged, &self.offset).expect("a file can be renamed");
    }

    /// The same command, going by this clock.
    pub fn shown_to(&self, mut command: Command) -> Command {
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.offset)
            .env("FAKETIME_NO_CACHE", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1")
            .env_remove("FAKETIME");
        command
    }
}
