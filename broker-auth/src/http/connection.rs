//! [`HttpConnection`]: one connection, and whether what it is doing may go on.

use std::sync::Arc;
use std::time::Duration;

use authenticator::decide::Granted;
use authenticator::http::{HttpMethod, RequestPath};
use authenticator::policy::Permit;
use authenticator::reason::{Reason, Refusal};
use authenticator::record::{Event, Record};
use broker_rules::store::RulesetStore;
use embedded::Hub;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::caller::Caller;
use super::flow::{Flow, Phase};
use super::origin::OriginClient;
use super::settings::HttpSettings;
use crate::counters::Counters;
use crate::evidence::Gatherers;
use crate::recheck::RulesRecheck;

/// How often a running transfer is judged again, though no rules have changed: certificates end by time alone.
const RECHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How long a decision may take at most, with all that is found out for it: more than its parts together.
const DECISION_TIMEOUT: Duration = Duration::from_secs(60);

/// What every connection of a listener is answered by.
pub(crate) struct HttpContext {
    pub(crate) hub: Arc<Hub>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) rules: Arc<RulesetStore>,
    /// What wakes a running answer when they change.
    pub(crate) recheck: Arc<RulesRecheck>,
    pub(crate) gatherers: Arc<Gatherers>,
    pub(crate) settings: HttpSettings,
    pub(crate) origin: Option<OriginClient>,
    /// Which listener it is, by its place in the configuration.
    pub(crate) listener: usize,
    /// How long the head of a request may take: the first from the handshake on, others from their first byte.
    pub(crate) head_timeout: Duration,
}

/// One connection.
pub(super) struct HttpConnection {
    pub(super) context: Arc<HttpContext>,
    pub(super) caller: Caller,
    pub(super) flow: Arc<Flow>,
    running: Mutex<Option<Running>>,
}

/// A request that is being answered.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) method: HttpMethod,
    pub(super) path: RequestPath,
    pub(super) permit: Permit,
}

impl HttpConnection {
    /// A connection over which nothing was asked for yet.
    pub(super) fn new(context: Arc<HttpContext>, caller: Caller, flow: Arc<Flow>) -> Self {
        Self { context, caller, flow, running: Mutex::default() }
    }

    /// A request is decided about: the one before it is over.
    pub(super) fn begin(&self) {
        *self.running.lock() = None;
    }

    /// A request was granted.
    pub(super) fn run(&self, running: Running) {
        *self.running.lock() = Some(running);
        self.flow.asks();
    }

    /// Judges the request again that is being answered, if one is.
    fn refuse_running(&self) -> Result<(), (Running, Refusal)> {
        if !matches!(self.flow.now().0, Phase::Asking | Phase::Exchange | Phase::Ending) {
            return Ok(());
        }
        let Some(running) = self.running.lock().clone() else { return Ok(()) };
        let decision = {
            let HttpContext { rules, gatherers, .. } = &*self.context;
            self.caller.decide_again(rules, gatherers, (running.method, &running.path), &running.permit)
        };
        match decision.outcome {
            Ok(Granted::Http { permit }) if permit.identity() == running.permit.identity() => Ok(()),
            Ok(_) => {
                let evidence = "the certificate maps to another identity now";
                let refusal = running.permit.client().refused(Reason::UnmappedIdentity, evidence);
                Err((running, refusal))
            }
            Err(refusal) => Err((running, refusal)),
        }
    }

    /// Whether the connection goes on; the log has why not.
    pub(super) fn may_go_on(&self) -> bool {
        match self.refuse_running() {
            Ok(()) => true,
            Err((running, refusal)) => {
                self.context.counters.requests_refused.one();
                let record = Record::new(Event::Http)
                    .peer(self.caller.peer)
                    .permit(&running.permit)
                    .request(running.method, running.path.as_str())
                    .refused(&refusal)
                    .note("the answer was cut");
                self.context.hub.audit().write(&record);
                false
            }
        }
    }

    /// When it is to be looked at whether the connection has stood still for too long.
    pub(super) fn deadline(&self) -> Instant {
        let (phase, moved) = self.flow.now();
        let late = self.late_at(phase, moved);
        match phase {
            Phase::Head(_) | Phase::Idle | Phase::Deciding(_) => late,
            Phase::Asking | Phase::Exchange | Phase::Ending => late.min(Instant::now() + RECHECK_INTERVAL),
        }
    }

    /// In which phase it has stood still for too long, if it has.
    pub(super) fn late(&self) -> Option<Phase> {
        let (phase, moved) = self.flow.now();
        (self.late_at(phase, moved) <= Instant::now()).then_some(phase)
    }

    /// Until when it may stand still. Who waits for the broker or for the origin is not the one who is slow.
    fn late_at(&self, phase: Phase, moved: Instant) -> Instant {
        let HttpSettings { idle_timeout, upstream_timeout, .. } = self.context.settings;
        match phase {
            Phase::Head(since) => since + self.context.head_timeout,
            Phase::Deciding(since) => since + DECISION_TIMEOUT,
            Phase::Asking => moved + idle_timeout.max(upstream_timeout + RECHECK_INTERVAL),
            Phase::Idle | Phase::Exchange | Phase::Ending => moved + idle_timeout,
        }
    }
}
