//! The impostors, one file each: clients that the broker must refuse, and a broker that the agent must refuse.

mod another_client_id;
mod another_topic;
mod expired;
mod false_broker;
mod foreign_ca;
mod no_certificate;

use device_identity::DeviceId;

use super::broker::Broker;
use super::error::DemoError;
use super::fleet::Fleet;
use super::probe::ProbeResult;
use super::processes::Processes;
use super::report::Outcome;

/// What an impostor works with: a fleet with a broker, and two of its devices.
pub(super) struct AttackContext<'a> {
    pub(super) processes: &'a Processes,
    pub(super) fleet: &'a Fleet,
    pub(super) broker: &'a mut Broker,
    pub(super) port: u16,
    /// A temporary directory.
    pub(super) scratch: &'a std::path::Path,
    /// The attacker's device, whose credentials are abused.
    pub(super) mallory: &'a DeviceId,
    /// The device that is impersonated; its own agent is online.
    pub(super) victim: &'a DeviceId,
}

/// One impostor.
pub(super) struct Impostor {
    /// What is tried; a cell of the table.
    pub(super) tried: &'static str,
    /// The expected outcome; a cell of the table.
    pub(super) expected: &'static str,
    /// Makes the attempt.
    pub(super) attempt: fn(&mut AttackContext<'_>) -> Result<Outcome, DemoError>,
}

/// All of them.
pub(super) const ALL: [Impostor; 6] = [
    foreign_ca::IMPOSTOR,
    expired::IMPOSTOR,
    no_certificate::IMPOSTOR,
    another_client_id::IMPOSTOR,
    another_topic::IMPOSTOR,
    false_broker::IMPOSTOR,
];

impl AttackContext<'_> {
    /// The outcome of a probe that must be refused: the broker's log must have a refusal with this `event` and one of
    /// these `reasons`.
    fn check_refusal(
        &mut self,
        result: ProbeResult,
        event: &str,
        reasons: &[&str],
    ) -> Result<Outcome, DemoError> {
        let ProbeResult { accepted, answer, took } = result;
        if accepted {
            return Ok(Outcome { as_expected: false, happened: answer, reason: String::new(), took });
        }
        let reason = self.broker.next_refusal(event)?;
        let as_expected = reasons.contains(&reason.as_str());
        Ok(Outcome { as_expected, happened: format!("refused: {answer}"), reason, took })
    }
}
