//! [`OcspAnswers`]: what the CAs of clients say of their certificates, asked for and remembered.

mod known;
mod responders;

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use authenticator::certificate::Fingerprint;
use authenticator::evidence::OcspEvidence;
use authenticator::ocsp::{MAX_RESPONSE_LEN, OcspAnswer, OcspRequest, judge, responder};
use authenticator::trust::{OcspAllow, VerifiedChain};
use fetch::{Bounds, Fetcher, Url};
use parking_lot::Mutex;
use ring::rand::{SecureRandom, SystemRandom};
use rustls_pki_types::UnixTime;
use tokio::sync::Semaphore;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use self::known::Known;
use self::responders::Responders;
use crate::rules::RulesetStore;

/// How long a client waits for its responder at most, and one question takes.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(5);

/// Questions on their way at once.
const MAX_QUESTIONS: usize = 64;

/// How often answers are looked through for those that are to be asked for again.
const TICK: Duration = Duration::from_millis(250);

/// How many questions of live sessions are begun at each tick.
const QUESTIONS_PER_TICK: usize = 32;

/// The answers, by the certificate that they are about. One for all listeners.
pub(crate) struct OcspAnswers {
    fetcher: Fetcher,
    /// How long a good answer is taken for granted, though it counts for longer.
    interval: Duration,
    /// The listeners whose sessions are judged by the answers.
    stores: Mutex<Vec<Weak<RulesetStore>>>,
    known: Mutex<HashMap<Fingerprint, Arc<Known>>>,
    responders: Responders,
    questions: Semaphore,
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
            questions: Semaphore::new(MAX_QUESTIONS),
        })
    }

    /// Has the sessions of `store` judged again when an answer turns.
    pub(super) fn serve(&self, store: &Arc<RulesetStore>) {
        self.stores.lock().push(Arc::downgrade(store));
    }

    /// What is known of a client that wants in; its responder is asked, if the trust wants that and there is no answer that
    /// counts. One question at a time for a certificate, whoever asks.
    pub(crate) async fn ask(&self, store: &RulesetStore, chain: &VerifiedChain) -> OcspEvidence {
        let Some(allow) = store.allowed_responders(chain) else { return OcspEvidence::NotAsked };
        let known = self.known_of(chain);
        if let Some(answer) = known.usable_for_newcomers(store.now(), Instant::now()) {
            return OcspEvidence::Answered(answer);
        }
        if timeout(QUESTION_TIMEOUT, self.question(&known, &allow, store)).await.is_err() {
            return OcspEvidence::Unavailable("no answer came in time".to_owned());
        }
        known.evidence(store.now())
    }

    /// What is known of the client of a live session, which comes along every so often. Its responder is asked in the
    /// background.
    pub(super) fn of_session(&self, chain: &VerifiedChain, now: UnixTime) -> OcspEvidence {
        match self.known_of(chain).evidence(now) {
            // Sessions may have been there before their trust asked.
            OcspEvidence::NotAsked => OcspEvidence::Pending,
            known => known,
        }
    }

    /// What is known of a certificate. Nobody is asked.
    pub(crate) fn remembered(&self, chain: &VerifiedChain, now: UnixTime) -> OcspEvidence {
        let known = self.known.lock().get(&chain.leaf().fingerprint_sha256()).map(Arc::clone);
        known.map_or(OcspEvidence::NotAsked, |known| known.evidence(now))
    }

    fn known_of(&self, chain: &VerifiedChain) -> Arc<Known> {
        let mut known = self.known.lock();
        let entry = known.entry(chain.leaf().fingerprint_sha256());
        let known = entry.or_insert_with(|| Arc::new(Known::new(chain.clone())));
        known.came_along(Instant::now());
        Arc::clone(known)
    }

    /// Asks the responder, unless somebody has done so meanwhile.
    async fn question(&self, known: &Known, allow: &[OcspAllow], store: &RulesetStore) {
        let begin = Instant::now();
        let _turn = known.asking.lock().await;
        if known.was_asked_since(begin) {
            return;
        }
        let answered = self.answer(known, allow, store).await;
        known.answered(answered, store.now(), Instant::now(), self.interval);
    }

    /// What the responder says.
    async fn answer(
        &self,
        known: &Known,
        allow: &[OcspAllow],
        store: &RulesetStore,
    ) -> Result<OcspAnswer, String> {
        let responder = responder(known.chain.leaf(), allow).map_err(|error| error.to_string())?;
        let url: Url = responder.as_str().parse().map_err(|error| format!("{responder}: {error}"))?;
        self.responders.refuse_silent(responder.as_str(), Instant::now())?;
        let Ok(_place) = self.questions.acquire().await else { return Err("the broker stops".to_owned()) };
        let mut nonce = [0; OcspRequest::NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| "there are no random numbers".to_owned())?;
        let request = OcspRequest::new(&known.chain, nonce).map_err(|error| error.to_string())?;
        let bounds = Bounds { max_bytes: MAX_RESPONSE_LEN, timeout: QUESTION_TIMEOUT };
        let body = request.der().to_vec().into();
        let fetched = self.fetcher.post(&url, OcspRequest::CONTENT_TYPE, body, &bounds).await;
        let judged = fetched
            .map_err(|error| error.to_string())
            .inspect(|_| self.responders.answered(responder.as_str()))
            .inspect_err(|why| self.responders.silent(responder.as_str(), why, Instant::now()))?;
        judge(&judged, &request, store.now()).map_err(|fault| format!("{responder}: {fault}"))
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
                stores.iter().for_each(|store| store.evidence_changed());
            }
            for known in due {
                let of_store = |store: &Arc<RulesetStore>| {
                    store.allowed_responders(&known.chain).map(|allow| (Arc::clone(store), allow))
                };
                let Some((store, allow)) = stores.iter().find_map(of_store) else { continue };
                let answers = Arc::clone(&self);
                tokio::spawn(async move {
                    // What came of it is seen at the next tick.
                    let _ = timeout(QUESTION_TIMEOUT, answers.question(&known, &allow, &store)).await;
                });
            }
        }
    }

    /// Those that are to be asked about again, and whether an answer has turned. Certificates without a session are
    /// forgotten when their answers have ended.
    fn look_through(&self, time: UnixTime, now: Instant) -> (Vec<Arc<Known>>, bool) {
        let (mut due, mut has_turned) = (Vec::new(), false);
        self.known.lock().retain(|_, known| {
            if known.is_idle(now) {
                return known.counts(time);
            }
            has_turned |= known.has_turned(time);
            if known.is_due(now) && due.len() < QUESTIONS_PER_TICK {
                known.is_asked_for(now);
                due.push(Arc::clone(known));
            }
            true
        });
        (due, has_turned)
    }
}
