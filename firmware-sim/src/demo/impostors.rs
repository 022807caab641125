//! The impostors, one file each: clients that the broker must refuse, and a broker that the agent must refuse.

mod another_client_id;
mod another_topic;
mod expired;
mod false_broker;
mod foreign_ca;
mod impostor;
mod no_certificate;

use super::error::DemoError;
use super::probe::ProbeResult;
use super::report::Outcome;

pub(super) use impostor::{AttackContext, Impostor};

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
