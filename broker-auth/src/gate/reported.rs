//! Clients that a policy only reports.

use std::net::SocketAddr;

use authenticator::decide::{Decision, Step};
use authenticator::record::{Audit, Event, Record};
use broker_rules::store::RulesetStore;

/// Notes a client that `enforce` would have refused, if a policy says so.
pub(crate) fn note_reported(
    rules: &RulesetStore,
    audit: &dyn Audit,
    event: Event,
    peer: SocketAddr,
    decision: &Decision,
) {
    let mut whom = None;
    for step in &decision.trace {
        match step {
            Step::Identity(client) => whom = Some(client),
            Step::Reported { policy, refusal } => {
                let Some(client) = whom else { continue };
                rules.reported().note(client, policy, refusal, peer, rules.now());
                let record = Record::new(event).peer(peer).client(client).policy(policy);
                audit.write(&record.note(&format!("reported: enforce would refuse it: {refusal}")));
            }
            _ => {}
        }
    }
}
