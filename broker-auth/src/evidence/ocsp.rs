//! [`OcspAnswers`]: what the CAs of clients say of their certificates, asked for and remembered.

mod known;
mod responders;

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use authenticator::certificate::Fingerprint;
use authenticator::evidence::OcspEvidence;
use authenticator::ocsp::{MAX_RESPONSE_LEN, OcspAnswer, OcspFault, OcspRequest, judge, responder};
use authenticator::trust::{OcspAllow, VerifiedChain};
use broker_rules::store::RulesetStore;
use fetch::{Bounds, Fetcher, Url};
use parking_lot::Mutex;
use ring::rand::{SecureRandom, SystemRandom};
use rustls_pki_types::UnixTime;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use self::known::Known;
use self::responders::Responders;

/// How long a client waits for its responder at most, and one question takes.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(5);

/// How often answers are looked through for those that are to be asked for again.
const TICK: Duration = Duration::from_millis(250);

/// How many questions of live sessions are begun at each tick.
const QUESTIONS_PER_TICK: usize = 64;

/// About which certificate, and from where: listeners that may ask others share no answer.
type Key = (Fingerprint, Box<str>);

/// The answers. One for all listeners.
pub(crate) struct OcspAnswers {
    fetcher: Fetcher,
    /// How long a good answer is taken for granted, though it counts for longer.
    interval: Duration,
    /// The listeners whose sessions are judged by the answers.
    stores: Mutex<Vec<Weak<RulesetStore>>>,
    known: Mutex<HashMap<Key, Arc<Known>>>,
    responders: Responders,
}

impl OcspAnswers {
    /// No answer yet. An answer is asked for again after `interval` at the latest.
    pub(crate) fn new(fetcher: Fetcher, interval: Duration) -> Arc<Self> {
        Arc::new(Self {
            fetcher,
            interval,
            stores: Mutex::default(),
            known: Mutex::default(),
            responders: Responders::default(),
        })
    }

    /// Has the sessions of `store` judged again when an answer turns.
    pub(super) fn serve(&self, store: &Arc<RulesetStore>) {
        self.stores.lock().push(Arc::downgrade(store));
    }

    /// What is known of a client that wants in; its responder is asked, if the trust wants that and there is no answer that
    /// is new enough. One question at a time for a certificate, whoever asks.
    pub(crate) async fn ask(&self, store: &RulesetStore, chain: &VerifiedChain) -> OcspEvidence {
        let Some(allow) = store.allowed_responders(chain) else { return OcspEvidence::NotAsked };
        let known = match self.known_of(&allow, chain) {
            Ok(known) => known,
            Err(why) => return OcspEvidence::Unavailable(why),
        };
        if !known.is_recent(store.now(), Instant::now(), self.interval) {
            self.question(&known, store).await;
        }
        known.evidence(store.now())
    }

    /// What is known of the client of a live session, which comes along every so often. Its responder is asked in the
    /// background.
    pub(super) fn of_session(
        &self,
        allow: &[OcspAllow],
        chain: &VerifiedChain,
        now: UnixTime,
    ) -> OcspEvidence {
        match self.known_of(allow, chain).map(|known| known.evidence(now)) {
            // Sessions may have been there before their trust asked.
            Ok(OcspEvidence::NotAsked) => OcspEvidence::Pending,
            Ok(known) => known,
            Err(why) => OcspEvidence::Unavailable(why),
        }
    }

    /// What is known of a certificate whose trust allows these responders. Nobody is asked.
    pub(crate) fn remembered(
        &self,
        allow: &[OcspAllow],
        chain: &VerifiedChain,
        now: UnixTime,
    ) -> OcspEvidence {
        let leaf = chain.leaf();
        let Ok(responder) = responder(leaf, allow) else { return OcspEvidence::NotAsked };
        let key = (leaf.fingerprint_sha256(), responder.as_str().into());
        let known = self.known.lock().get(&key).map(Arc::clone);
        known.map_or(OcspEvidence::NotAsked, |known| known.evidence(now))
    }

    fn known_of(&self, allow: &[OcspAllow], chain: &VerifiedChain) -> Result<Arc<Known>, String> {
        let responder = responder(chain.leaf(), allow).map_err(|error| error.to_string())?;
        let key = (chain.leaf().fingerprint_sha256(), responder.as_str().into());
        let mut known = self.known.lock();
        let known = match known.get(&key) {
            Some(known) => Arc::clone(known),
            None => {
                let url: Url = responder.as_str().parse().map_err(|error| format!("{responder}: {error}"))?;
                let new = Arc::new(Known::new(url, chain.clone()));
                known.insert(key, Arc::clone(&new));
                new
            }
        };
        known.came_along(chain, Instant::now());
        Ok(known)
    }

    /// Asks the responder, unless somebody has done so meanwhile, within [`QUESTION_TIMEOUT`]: whoever asks already began
    /// earlier. What came of it is kept even if that is nothing: a session is not to be `Pending` for longer.
    async fn question(&self, known: &Known, store: &RulesetStore) {
        let begin = Instant::now();
        let _turn = known.asking.lock().await;
        if known.was_asked_since(begin) {
            return;
        }
        let answered = self.answer(known, store, begin + QUESTION_TIMEOUT).await;
        known.answered(answered, store.now(), Instant::now(), self.interval);
    }

    /// What the responder says until `deadline`.
    async fn answer(
        &self,
        known: &Known,
        store: &RulesetStore,
        deadline: Instant,
    ) -> Result<OcspAnswer, String> {
        let (url, chain) = (&known.url, known.chain());
        let places = self.responders.begin(url.as_str(), Instant::now())?;
        // That too much is asked is not the fault of the responder.
        let Ok(Ok(_place)) = timeout_at(deadline, places.acquire()).await else {
            return Err(format!("{url}: too many questions were on their way"));
        };
        let mut nonce = [0; OcspRequest::NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| "there are no random numbers".to_owned())?;
        let request = OcspRequest::new(&chain, nonce).map_err(|error| error.to_string())?;
        let timeout = deadline.saturating_duration_since(Instant::now());
        let bounds = Bounds { max_bytes: MAX_RESPONSE_LEN, timeout };
        let body = request.der().to_vec().into();
        let fetched = self.fetcher.post(url, OcspRequest::CONTENT_TYPE, body, &bounds).await;
        let response = fetched
            .map_err(|error| error.to_string())
            .inspect(|_| self.responders.answered(url.as_str()))
            .inspect_err(|why| self.responders.silent(url.as_str(), why, Instant::now()))?;
        judge_by(store, &response, &request).map_err(|fault| format!("{url}: {fault}"))
    }

    /// Keeps the answers about live sessions fresh, and has them judged again when one turns. Runs until it is dropped.
    pub(crate) async fn keep_fresh(self: Arc<Self>) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let stores: Vec<_> = self.stores.lock().iter().filter_map(Weak::upgrade).collect();
            let Some(time) = stores.first().map(|store| store.now()) else { continue };
            let (due, has_turned) = self.look_through(time, Instant::now());
            if has_turned {
                stores
                    .iter()
                    .filter(|store| store.asks_responders())
                    .for_each(|store| store.evidence_changed());
            }
            for known in due {
                let chain = known.chain();
                let may_ask = |store: &&Arc<RulesetStore>| {
                    let allow = store.allowed_responders(&chain).unwrap_or_default();
                    responder(chain.leaf(), &allow).is_ok_and(|one| one.as_str() == known.url.as_str())
                };
                let Some(store) = stores.iter().find(may_ask).map(Arc::clone) else { continue };
                if let Err(why) = self.responders.refuse_silent(known.url.as_str(), Instant::now()) {
                    known.answered(Err(why), time, Instant::now(), self.interval);
                    continue;
                }
                let answers = Arc::clone(&self);
                // What came of it is seen at the next tick.
                tokio::spawn(async move { answers.question(&known, &store).await });
            }
        }
    }

    /// Those that are to be asked about again, the longest due first, and whether an answer has turned. Certificates without a
    /// session are forgotten when their answers have ended, or they themselves.
    fn look_through(&self, time: UnixTime, now: Instant) -> (Vec<Arc<Known>>, bool) {
        let (mut due, mut has_turned) = (Vec::new(), false);
        self.known.lock().retain(|_, known| {
            if known.is_idle(now) {
                return known.counts(time);
            }
            has_turned |= known.has_turned(time);
            if let Some(since) = known.due_since(now) {
                due.push((since, Arc::clone(known)));
            }
            true
        });
        due.sort_by_key(|(since, _)| *since);
        due.truncate(QUESTIONS_PER_TICK);
        due.iter().for_each(|(_, known)| known.is_asked_for(now));
        (due.into_iter().map(|(_, known)| known).collect(), has_turned)
    }
}

/// Judges a response by the time of `store`. By a clock that is known to be behind, one that seems to be of the future is
/// judged as of when it was signed.
fn judge_by(store: &RulesetStore, response: &[u8], request: &OcspRequest) -> Result<OcspAnswer, OcspFault> {
    match judge(response, request, store.now()) {
        Err(OcspFault::NotYet { time, .. }) if store.clock_is_behind() => judge(response, request, time),
        judged => judged,
    }
}
