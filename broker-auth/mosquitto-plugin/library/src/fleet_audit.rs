//! [`FleetAudit`]: every decision goes to the log, to the counters, and to whoever may hear events.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use authenticator::decide::Decision;
use authenticator::evidence::Evidence;
use authenticator::record::{Audit as _, DecisionId, Event, Record};
use authenticator::trust::ChainResult;
use broker_rules::audit::{DecisionLog, next_decision_id};
use broker_rules::store::RulesetStore;
use mosquitto_plugin::gate::Audit;

use crate::events::Events;
use crate::host_status::HostStatus;

/// Every decision goes to the log, to the counters, and to whoever may hear events.
pub(crate) struct FleetAudit {
    rules: Arc<RulesetStore>,
    status: Arc<HostStatus>,
    events: Rc<Events>,
}

impl FleetAudit {
    pub(crate) fn new(rules: Arc<RulesetStore>, status: Arc<HostStatus>, events: Rc<Events>) -> Self {
        Self { rules, status, events }
    }
}

impl Audit for FleetAudit {
    fn write(&self, record: &Record<'_>) -> Option<DecisionId> {
        let id = record.id.unwrap_or_else(next_decision_id);
        let record = record.clone().id(id);
        DecisionLog.write(&record);
        let counters = &self.status.counters;
        match (record.event, record.refusal) {
            (Event::Connect, None) => counters.connects.one(),
            (Event::Connect, Some(_)) => counters.connects_refused.one(),
            (Event::SessionClosed, Some(_)) => counters.sessions_cut.one(),
            _ => {}
        }
        // Without a policy that lets anybody hear them, none are made.
        let is_wanted = self.rules.present().access().policies.give_events();
        if is_wanted && !self.events.add(&record) {
            counters.events_lost.one();
        }
        Some(id)
    }

    fn decided(&self, peer: Option<SocketAddr>, evidence: &Evidence, decision: &Decision) {
        // Who has no address has no connection either.
        let Some(peer) = peer else { return };
        self.rules.note_reported(&DecisionLog, Event::Connect, peer, decision);
        if let (ChainResult::Proven(chain), Ok(_)) = (&evidence.chain, &decision.outcome) {
            self.rules.note_legacy_leaf(peer, chain);
        }
    }
}
