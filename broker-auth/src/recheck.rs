//! [`RulesRecheck`]: live sessions, judged again by the rules of their listener.

use std::sync::Arc;

use authenticator::decide::Standing;
use authenticator::policy::{ClientId, Permit};
use authenticator::reason::Refusal;
use broker_rules::store::RulesetStore;
use embedded::Recheck;
use rustls_pki_types::UnixTime;
use tokio::sync::watch;

/// What sessions ask about the rules of their listener, and what wakes them when those change. One for each store.
pub(crate) struct RulesRecheck {
    rules: Arc<RulesetStore>,
    generation: watch::Sender<u64>,
}

impl RulesRecheck {
    /// By `rules`, from now on.
    pub(crate) fn by(rules: Arc<RulesetStore>) -> Arc<Self> {
        let generation = watch::Sender::new(rules.generation());
        let told = generation.clone();
        // Two that change the rules at once may tell in another order.
        rules.on_change(move |new| told.send_modify(|known| *known = new.max(*known)));
        Arc::new(Self { rules, generation })
    }
}

impl Recheck for RulesRecheck {
    fn changes(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    fn now(&self) -> UnixTime {
        self.rules.now()
    }

    fn recheck(&self, permit: &Permit, client_id: &ClientId) -> Result<Standing, Refusal> {
        self.rules.recheck(permit, client_id)
    }
}
