//! [`Gate`]: who gets in and what they may, by the rules in force.

mod access;
mod busy_log;
mod evidence;
mod first_end;
mod kick_list;
mod recheck;
mod rules;

pub use rules::Rules;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use authenticator::decide::{Connect, Granted, Request, decide};
use authenticator::evidence::{Evidence, FactorEvidence};
use authenticator::policy::{ClientId, DeniedPublish, Permit};
use authenticator::reason::{Reason, Refusal};
use authenticator::ruleset::Ruleset;
use rustls_pki_types::UnixTime;

use crate::callbacks::{Access, Admission, Answer, Authenticator, Effects, Kick, Login, WillOnKick};
use crate::client::{Client, Protocol};
use crate::log::{Level, Log};
use crate::sessions::{Sessions, Standing};
use busy_log::BusyLog;
use kick_list::KickList;
use recheck::Recheck;

/// How many sessions are kept track of, connected or not.
const MAX_SESSIONS: usize = 250_000;

/// Who gets in and what they may, by the rules in force.
pub struct Gate<R> {
    rules: R,
    log: Rc<dyn Log>,
    state: RefCell<State>,
    /// Between a reload and the next tick mosquitto asks about the clients it has, and nobody comes.
    is_reloading: Cell<bool>,
}

struct State {
    sessions: Sessions,
    kick_list: KickList,
    busy_log: BusyLog,
    recheck: Recheck,
}

impl<R: Rules> Gate<R> {
    /// Decides by `rules`.
    pub fn new(rules: R, log: Rc<dyn Log>) -> Self {
        let sessions = Sessions::new(MAX_SESSIONS);
        let state = State {
            sessions,
            kick_list: KickList::default(),
            busy_log: BusyLog::default(),
            recheck: Recheck::default(),
        };
        Self { rules, log, state: RefCell::new(state), is_reloading: Cell::new(false) }
    }

    /// Decides about CONNECT, of which mosquitto shows the client id, and neither the will nor the session's expiry.
    fn decide(
        &self,
        client: &dyn Client,
        login: &Login<'_>,
        now: UnixTime,
    ) -> Result<(Permit, ClientId), Refusal> {
        let malformed = |evidence: String| Refusal::new(Reason::Malformed, evidence);
        let id = client.id().filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| malformed("it has no client id, or none that is UTF-8".to_owned()))?;
        let rules = self.rules.in_force();
        let evidence =
            evidence::of_client(client, &rules, now).map_err(|fault| malformed(fault.to_string()))?;
        let connect = Connect {
            client_id: Some(id),
            will_topic: None,
            unique: &String::new,
            random: &evidence::random,
        };
        let evidence = evidence.factor(self.known_factor(client));
        let (permit, client_id) = match self.decide_by(&rules, evidence, connect, login, now)? {
            Granted::Admitted { permit, client_id: Some(binding) } => (permit, binding.client_id().clone()),
            Granted::Admitted { client_id: None, .. }
            | Granted::Asked { .. }
            | Granted::Handshake
            | Granted::Continued(_)
            | Granted::Http { .. } => {
                return Err(malformed("what was granted is no session".to_owned()));
            }
        };
        if client_id.as_str() != id {
            let evidence = format!(
                "its client id would have to be {:?}, and mosquitto lets nobody change it",
                client_id.as_str()
            );
            return Err(permit.client().refused(Reason::ClientIdMismatch, evidence));
        }
        if !permit.may_leave_anything() && !client.is_clean() {
            let evidence = "a client of whom nothing is proven keeps no session: it must set Clean Session";
            return Err(permit.client().refused(Reason::PolicyDenied, evidence));
        }
        Ok((permit, client_id))
    }

    /// The decision, and what the client shows beside its certificate where that is asked for: last, for it may cost most.
    fn decide_by(
        &self,
        rules: &Ruleset,
        evidence: Evidence,
        connect: Connect<'_>,
        login: &Login<'_>,
        now: UnixTime,
    ) -> Result<Granted, Refusal> {
        let request = Request::Connect(connect);
        match decide(rules, &evidence, &request).outcome? {
            Granted::Asked { kind, client } => {
                let factor = self.rules.verify_factor(kind, &client, login, now);
                decide(rules, &evidence.factor(factor), &request).outcome
            }
            granted => Ok(granted),
        }
    }

    /// What is known of the second factor of `client` before it is asked for. mosquitto reads its configuration again and asks
    /// about all clients at once: what they have shown when they came counts, and no password is looked at.
    fn known_factor(&self, client: &dyn Client) -> FactorEvidence {
        if !self.is_reloading.get() {
            return FactorEvidence::NotAsked;
        }
        match self.state.borrow().sessions.permit_of(client) {
            Some(permit) if permit.factor().is_some() => self.rules.factor_of_session(permit),
            Some(_) => FactorEvidence::Refused("the session was opened without a second factor".to_owned()),
            None => FactorEvidence::NotAsked,
        }
    }

    fn admit(&self, client: &dyn Client, login: &Login<'_>, now: UnixTime) -> Result<Box<str>, Refusal> {
        let (permit, client_id) = self.decide(client, login, now)?;
        let user_name = permit.identity().name().into();
        let whoever = permit.client().clone();
        let mut state = self.state.borrow_mut();
        state.recheck.note(&permit);
        let admitted = state.sessions.admit(&client_id, client.handle(), permit);
        admitted.map_err(|fault| whoever.refused(Reason::ClientIdMismatch, fault.to_string()))?;
        Ok(user_name)
    }

    fn note(&self, what: &str, refusal: &Refusal) {
        let text = format!("countersign: {what}: {} ({})", refusal.reason, refusal.evidence);
        self.log.write(Level::Notice, &text);
    }
}

impl<R: Rules> Authenticator for Gate<R> {
    fn basic_auth(&self, client: &dyn Client, login: &Login<'_>, now: UnixTime) -> Admission {
        match self.admit(client, login, self.rules.time(now)) {
            Ok(user_name) => Admission::Admitted { user_name },
            Err(refusal) => {
                let mut state = self.state.borrow_mut();
                // mosquitto reads its configuration again, and asks about a client that it has.
                state.sessions.denied(client);
                let is_busy = refusal.reason == Reason::RateLimited;
                if !is_busy {
                    let (id, address) = (client.id().unwrap_or_default(), client.address().unwrap_or("?"));
                    self.note(&format!("{id:?} from {address} is refused"), &refusal);
                    return Admission::Denied;
                }
                if state.busy_log.add(now) {
                    let text = format!(
                        "countersign: clients are told to come again: {}; further ones are not named",
                        refusal.evidence
                    );
                    self.log.write(Level::Warning, &text);
                }
                Admission::NotNow
            }
        }
    }

    fn acl_check(&self, client: &dyn Client, access: &Access<'_>) -> Answer {
        let mut state = self.state.borrow_mut();
        let State { sessions, kick_list, .. } = &mut *state;
        match sessions.standing(client, access) {
            Standing::Admitted(permit) => {
                let answer = access::of_connected(&permit, access);
                if answer == Answer::Denied
                    && matches!(access, Access::Publish { .. })
                    && permit.denied_publish() == DeniedPublish::Disconnect
                    // MQTT 5 has a reason code to say it with.
                    && client.protocol() != Protocol::V5
                {
                    kick_list.add(client);
                }
                answer
            }
            Standing::Gone(permit) => access::of_gone(&permit, access),
            Standing::Unknown => {
                // A message for a session that is not known any more is asked about when nobody is there to be kicked.
                if !matches!(access, Access::Deliver(_)) || client.has_certificate() {
                    kick_list.add(client);
                }
                Answer::Denied
            }
        }
    }

    fn tick(&self, now: UnixTime) -> Effects {
        self.is_reloading.set(false);
        self.rules.look(now);
        let mut state = self.state.borrow_mut();
        let State { sessions, kick_list, busy_log, recheck } = &mut *state;
        if let Some(clients) = busy_log.take_ended(now) {
            let text = format!("countersign: {clients} clients were told to come again, and no more are");
            self.log.write(Level::Notice, &text);
        }
        let now = self.rules.time(now);
        sessions.settle();
        let is_there =
            |(client_id, handle): &(Box<str>, _)| !sessions.is_connected_as_other(client_id, *handle);
        let mut client_ids: Vec<_> =
            kick_list.take().filter(is_there).map(|(client_id, _)| client_id).collect();
        client_ids.extend(recheck.sessions(sessions, &self.rules, now, |client_id, refusal| {
            self.note(&format!("the session {:?} is over", client_id.as_str()), refusal);
        }));
        let kick = |client_id| Kick { client_id, will: WillOnKick::Forget };
        Effects { kicks: client_ids.into_iter().map(kick).collect(), messages: Vec::new() }
    }

    fn reload(&self, now: UnixTime) {
        self.is_reloading.set(true);
        self.rules.reload(now);
    }

    fn disconnect(&self, client: &dyn Client) {
        let mut state = self.state.borrow_mut();
        state.sessions.disconnected(client);
        state.kick_list.remove(client);
    }
}

#[cfg(test)]
mod tests;
