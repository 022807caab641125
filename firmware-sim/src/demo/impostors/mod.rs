//! Those who must not get in, one file each.

mod another_client_id;
mod another_topic;
mod expired;
mod false_broker;
mod foreign_ca;
mod no_certificate;

use device_identity::DeviceId;

use super::broker::Broker;
use super::fleet::Fleet;
use super::processes::Processes;
use super::report::Outcome;
use super::trouble::Trouble;
use super::visitor::Answer;

/// What impostors find: a fleet with a broker, and two of its devices.
pub(super) struct Scene<'a> {
    pub(super) processes: &'a Processes,
    pub(super) fleet: &'a Fleet,
    pub(super) broker: &'a mut Broker,
    pub(super) port: u16,
    /// A directory to make things in.
    pub(super) scratch: &'a std::path::Path,
    /// The device whose papers are abused.
    pub(super) mallory: &'a DeviceId,
    /// The device somebody pretends to be; its own agent is online.
    pub(super) victim: &'a DeviceId,
}

/// One impostor.
pub(super) struct Impostor {
    /// What is tried, for the table.
    pub(super) tried: &'static str,
    /// What should come of it.
    pub(super) expected: &'static str,
    /// Tries it.
    pub(super) attempt: fn(&mut Scene<'_>) -> Result<Outcome, Trouble>,
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

impl Scene<'_> {
    /// What came of a visit: refused at `event`, for one of `reasons` in the broker's own log.
    fn judge(&mut self, answer: Answer, event: &str, reasons: &[&str]) -> Result<Outcome, Trouble> {
        let Answer { let_in, words, took } = answer;
        if let_in {
            return Ok(Outcome { as_expected: false, happened: words, reason: String::new(), took });
        }
        let reason = self.broker.refused(event)?;
        let as_expected = reasons.contains(&reason.as_str());
        Ok(Outcome { as_expected, happened: format!("refused: {words}"), reason, took })
    }
}
