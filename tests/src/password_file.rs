//! The password file of a fleet, as `countersign-broker passwd` writes it.

use crate::fleet::Fleet;
use crate::program::{Finished, finish_with_input};

/// Runs `countersign-broker passwd ARGS`, with `password` on its standard input.
#[track_caller]
pub fn passwd(fleet: &Fleet, args: &[&str], password: &[u8]) -> Finished {
    let mut command = fleet.programs().broker();
    finish_with_input(command.arg("passwd").args(args).arg("--fleet").arg(fleet.directory()), password)
}

/// Sets the password of a device.
#[track_caller]
pub fn set_password(fleet: &Fleet, device: &str, password: &str) {
    passwd(fleet, &[&format!("device-ca/{device}")], password.as_bytes()).stdout_of_success();
}
