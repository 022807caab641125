//! [`Caller`]: whoever sends requests over one connection, judged anew at each.

use std::net::{IpAddr, SocketAddr};

use authenticator::certificate::Fingerprint;
use authenticator::decide::{Decision, HttpRequest, Request, Step};
use authenticator::http::{HttpMethod, RequestPath};
use authenticator::origin::Origin;
use authenticator::policy::Permit;
use authenticator::reason::Reason;
use authenticator::trust::ChainResult;
use broker_rules::store::RulesetStore;
use parking_lot::Mutex;

use super::authorization::Authorization;
use super::head::RequestHead;
use crate::evidence::{Gatherers, Shown};

/// Whoever sends requests over one connection.
#[derive(Debug)]
pub(super) struct Caller {
    judged: Mutex<Judged>,
    pub(super) peer: SocketAddr,
    origin: Origin,
    /// What the name of a client without a certificate is made of.
    random: Option<u64>,
    /// The second factor that was verified last, by the words in which it was shown.
    shown: Mutex<Option<(Fingerprint, Permit)>>,
}

/// How often a chain that is not proven is judged again by the clock alone, in seconds.
const UNPROVEN_INTERVAL: u64 = 30;

/// A chain, and by which rules and in which half minute it was judged.
#[derive(Clone, Debug)]
struct Judged {
    chain: ChainResult,
    as_of: (u64, u64),
}

impl Caller {
    /// Somebody whose chain was judged in the handshake.
    pub(super) fn new(chain: ChainResult, peer: SocketAddr, origin: Origin, random: Option<u64>) -> Self {
        // As of no time: the first request is judged by the rules that it finds.
        Self {
            judged: Mutex::new(Judged { chain, as_of: (u64::MAX, 0) }),
            peer,
            origin,
            random,
            shown: Mutex::default(),
        }
    }

    /// Where it is, if that is known.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.origin.address
    }

    /// Decides about a request, as of now, and finds out what is wanted beside its certificate.
    pub(super) async fn decide(
        &self,
        rules: &RulesetStore,
        gatherers: &Gatherers,
        head: &RequestHead,
    ) -> Decision {
        let random = || self.random;
        let request = Request::Http(HttpRequest { method: head.method, path: &head.path, random: &random });
        let authorization = head.authorization();
        if let Some(known) = self.known(authorization.as_ref()) {
            // The same as for an earlier request: it need not be verified again while it counts.
            let shown = Shown::Before(&known);
            let decision = gatherers.decide(rules, self.client(rules), &request, &shown).await;
            if !decision.outcome.as_ref().is_err_and(|refusal| refusal.reason == Reason::SecondFactor) {
                return decision;
            }
        }
        let shown = Shown::Now(authorization.as_ref().map(Authorization::credentials).unwrap_or_default());
        let decision = gatherers.decide(rules, self.client(rules), &request, &shown).await;
        // Remembered for a path that is denied, too: the next is not worth another look at the same words.
        let factored = decision.trace.iter().find_map(|step| match step {
            Step::SecondFactor(permit) => Some(permit.clone()),
            _ => None,
        });
        if let (Some(authorization), Some(permit)) = (authorization, factored) {
            *self.shown.lock() = Some((authorization.digest(), permit));
        }
        decision
    }

    /// Decides again about a request that is being answered by `permit`, by what is known.
    pub(super) fn decide_again(
        &self,
        rules: &RulesetStore,
        gatherers: &Gatherers,
        (method, path): (HttpMethod, &RequestPath),
        permit: &Permit,
    ) -> Decision {
        let random = || self.random;
        let request = Request::Http(HttpRequest { method, path, random: &random });
        gatherers.decide_again(rules, self.client(rules), &request, permit)
    }

    fn client(&self, rules: &RulesetStore) -> (ChainResult, Origin) {
        (self.chain(rules), self.origin.clone())
    }

    /// The permit of the last request with a second factor, if it was shown in the same words.
    fn known(&self, authorization: Option<&Authorization>) -> Option<Permit> {
        let shown = self.shown.lock();
        let (digest, permit) = shown.as_ref()?;
        (authorization?.digest() == *digest).then(|| permit.clone())
    }

    /// What became of its certificate. One that is not proven is looked at after changes and every half minute, and not
    /// for every request: its signatures would be verified each time, and 1,000 such clients may be there.
    fn chain(&self, rules: &RulesetStore) -> ChainResult {
        let mut judged = self.judged.lock();
        let now = rules.now();
        let as_of = (rules.generation(), now.as_secs() / UNPROVEN_INTERVAL);
        if judged.as_of != as_of {
            let chain = rules.present().judge_again(&judged.chain, now);
            *judged = Judged { chain, as_of };
        }
        judged.chain.clone()
    }
}
