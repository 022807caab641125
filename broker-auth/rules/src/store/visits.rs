//! What is remembered of a visit, beside its record: who would have been refused, and whose certificate is to be replaced.

use std::net::SocketAddr;

use authenticator::decide::{Decision, Step};
use authenticator::record::{Audit, Event, Record};
use authenticator::trust::VerifiedChain;

use super::legacy_leaves::Noted;
use super::ruleset_store::RulesetStore;
use crate::audit::peer_text;

impl RulesetStore {
    /// Notes a client that `enforce` would have refused, if a policy says so.
    pub fn note_reported(&self, audit: &dyn Audit, event: Event, peer: SocketAddr, decision: &Decision) {
        let mut whom = None;
        for step in &decision.trace {
            match step {
                Step::Identity(client) => whom = Some(client),
                Step::Reported { policy, refusal } => {
                    let Some(client) = whom else { continue };
                    self.reported().note(client, policy, refusal, peer, self.now());
                    let record = Record::new(event).peer(peer).client(client).policy(policy);
                    audit.write(&record.note(&format!("reported: enforce would refuse it: {refusal}")));
                }
                _ => {}
            }
        }
    }

    /// Counts a certificate that its trust lets pass, though it claims what is for CAs alone. The log has each once.
    pub fn note_legacy_leaf(&self, peer: SocketAddr, chain: &VerifiedChain) {
        let Some(claim) = chain.claim_to_issue() else { return };
        let peer = peer_text(peer);
        let (trust, leaf) = (chain.trust_name(), chain.leaf());
        let (serial, subject) = (leaf.serial(), leaf.subject());
        match self.legacy_leaves().admit(chain) {
            Some(Noted::First { certificates }) => tracing::warn!(
                %peer, %trust, %serial, %subject, %claim, certificates,
                "a client certificate is let in by legacy-leaf = \"warn\": replace it"
            ),
            Some(Noted::Beyond { admissions }) => tracing::warn!(
                %peer, %trust, %serial, %subject, %claim, admissions,
                "client certificates are let in by legacy-leaf = \"warn\", more than are told apart: replace them"
            ),
            None => {}
        }
    }
}
