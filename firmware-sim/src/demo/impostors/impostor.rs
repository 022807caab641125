//! [`Impostor`]: one attempt that must fail, and what it works with.

use device_identity::DeviceId;

use crate::demo::broker::Broker;
use crate::demo::error::DemoError;
use crate::demo::fleet::Fleet;
use crate::demo::processes::Processes;
use crate::demo::report::Outcome;

/// What an impostor works with: a fleet with a broker, and two of its devices.
pub(in crate::demo) struct AttackContext<'a> {
    pub(in crate::demo) processes: &'a Processes,
    pub(in crate::demo) fleet: &'a Fleet,
    pub(in crate::demo) broker: &'a mut Broker,
    pub(in crate::demo) port: u16,
    /// A temporary directory.
    pub(in crate::demo) scratch: &'a std::path::Path,
    /// The attacker's device, whose credentials are abused.
    pub(in crate::demo) mallory: &'a DeviceId,
    /// The device that is impersonated; its own agent is online.
    pub(in crate::demo) victim: &'a DeviceId,
}

/// One impostor.
pub(in crate::demo) struct Impostor {
    /// What is tried; a cell of the table.
    pub(in crate::demo) tried: &'static str,
    /// The expected outcome; a cell of the table.
    pub(in crate::demo) expected: &'static str,
    /// Makes the attempt.
    pub(in crate::demo) attempt: fn(&mut AttackContext<'_>) -> Result<Outcome, DemoError>,
}
