//! [`Gate`]: who gets in and what they may, by the rules in force.

mod access;
mod audit;
mod busy_log;
mod connections;
mod evidence;
mod first_end;
mod kick_list;
mod operate;
mod recheck;
mod recorded;
mod rules;
mod told;
mod turned_away;

pub use audit::Audit;
pub use connections::Connection;
pub use operate::{Denials, ListedSession};
pub use rules::Rules;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use authenticator::decide::{Connect, Decision, Granted, Request, Step, decide};
use authenticator::evidence::FactorEvidence;
use authenticator::policy::{ClientId, DeniedPublish, Permit};
use authenticator::reason::{Reason, Refusal};
use rustls_pki_types::UnixTime;

use crate::callbacks::{Access, Admission, Answer, Authenticator, Effects, Kick, Login, WillOnKick};
use crate::client::{Client, Protocol};
use crate::log::{Level, Log};
use crate::sessions::{Sessions, Standing};
use audit::{NoAudit, peer_of};
use busy_log::BusyLog;
use connections::{Connections, Ending};
use kick_list::KickList;
use recheck::{News, Recheck};
use turned_away::TurnedAway;

/// How many sessions are kept track of, connected or not.
const MAX_SESSIONS: usize = 250_000;

/// Who gets in and what they may, by the rules in force.
pub struct Gate<R> {
    rules: R,
    audit: Box<dyn Audit>,
    log: Rc<dyn Log>,
    state: RefCell<State>,
    /// Between a reload and the next tick mosquitto asks about the clients it has, and nobody comes.
    is_reloading: Cell<bool>,
}

/// What is written down about the end of a connection that the gate has not closed: mosquitto 2.0 does not say more.
const ENDED: &str = "the connection has ended";

struct State {
    sessions: Sessions,
    connections: Connections,
    denials: Denials,
    kick_list: KickList,
    /// Whom an operator wants closed.
    kicked: KickList,
    busy_log: BusyLog,
    recheck: Recheck,
}

impl<R: Rules> Gate<R> {
    /// Decides by `rules`.
    pub fn new(rules: R, log: Rc<dyn Log>) -> Self {
        let sessions = Sessions::new(MAX_SESSIONS);
        let state = State {
            sessions,
            connections: Connections::default(),
            denials: Denials::default(),
            kick_list: KickList::default(),
            kicked: KickList::default(),
            busy_log: BusyLog::default(),
            recheck: Recheck::default(),
        };
        let state = RefCell::new(state);
        Self { rules, audit: Box::new(NoAudit), log, state, is_reloading: Cell::new(false) }
    }

    /// The same, and decisions are written down by `audit`.
    #[must_use]
    pub fn audited_by(mut self, audit: Box<dyn Audit>) -> Self {
        self.audit = audit;
        self
    }

    /// Decides about CONNECT, of which mosquitto shows the client id, and neither the will nor the session's expiry.
    /// What the client shows beside its certificate is verified last, for it may cost most.
    fn decide(&self, client: &dyn Client, login: &Login<'_>, now: UnixTime) -> Result<Decision, Refusal> {
        let id = id_of(client)?;
        let rules = self.rules.in_force();
        let evidence =
            evidence::of_client(client, &rules, now).map_err(|fault| malformed(fault.to_string()))?;
        let connect = Connect {
            client_id: Some(id),
            will_topic: None,
            unique: &String::new,
            random: &evidence::random,
        };
        let request = Request::Connect(connect);
        let mut evidence = evidence.factor(self.known_factor(client));
        let mut decision = decide(&rules, &evidence, &request);
        if let Ok(Granted::Asked { kind, client }) = &decision.outcome {
            let factor = self.rules.verify_factor(*kind, client, login, now);
            evidence = evidence.factor(factor);
            decision = decide(&rules, &evidence, &request);
        }
        self.audit.decided(peer_of(client), &evidence, &decision);
        Ok(decision)
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

    /// What of a decision mosquitto can carry out.
    fn granted(client: &dyn Client, decision: Decision) -> Result<(Permit, ClientId), Refusal> {
        let id = id_of(client)?;
        let (permit, client_id) = match decision.outcome? {
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

    fn admit(&self, client: &dyn Client, login: &Login<'_>, now: UnixTime) -> Result<Permit, TurnedAway> {
        let decision =
            self.decide(client, login, now).map_err(|refusal| TurnedAway { whom: None, refusal })?;
        let whom = decision.trace.iter().find_map(|step| match step {
            Step::Identity(client) => Some(client.clone()),
            _ => None,
        });
        let turned_away = |refusal| TurnedAway { whom: whom.clone(), refusal };
        let (permit, client_id) = Self::granted(client, decision).map_err(turned_away)?;
        let mut state = self.state.borrow_mut();
        state.recheck.note(&permit);
        let admitted = state.sessions.admit(&client_id, client.handle(), permit.clone());
        admitted.map_err(|fault| {
            turned_away(permit.client().refused(Reason::ClientIdMismatch, fault.to_string()))
        })?;
        Ok(permit)
    }

    fn note(&self, what: &str, refusal: &Refusal) {
        let text = format!("countersign: {what}: {} ({})", refusal.reason, refusal.evidence);
        self.log.write(Level::Notice, &text);
    }
}

impl<R: Rules> Authenticator for Gate<R> {
    fn basic_auth(&self, client: &dyn Client, login: &Login<'_>, told: UnixTime) -> Admission {
        let now = self.rules.time(told);
        match self.admit(client, login, now) {
            Ok(permit) => {
                self.note_admitted(client, &permit, now);
                Admission::Admitted { user_name: permit.identity().name().into() }
            }
            Err(turned_away) => {
                self.note_turned_away(client, &turned_away, told);
                match turned_away.refusal.reason {
                    Reason::RateLimited => Admission::NotNow,
                    _ => Admission::Denied,
                }
            }
        }
    }

    fn acl_check(&self, client: &dyn Client, access: &Access<'_>) -> Answer {
        let mut state = self.state.borrow_mut();
        let State { sessions, connections, denials, kick_list, .. } = &mut *state;
        let answer = match sessions.standing(client, access) {
            Standing::Admitted(permit) => {
                let answer = access::of_connected(permit, access);
                if answer == Answer::Denied
                    && matches!(access, Access::Publish { .. })
                    && permit.denied_publish() == DeniedPublish::Disconnect
                    // MQTT 5 has a reason code to say it with.
                    && client.protocol() != Protocol::V5
                {
                    kick_list.add(client);
                    if let (Some(client_id), Some(refusal)) = (client.id(), access::refusal(permit, access)) {
                        connections.ends_by(client_id, Ending::Refused(refusal));
                    }
                }
                answer
            }
            Standing::Gone(permit) => access::of_gone(permit, access),
            Standing::Unknown => {
                // A message for a session that is not known any more is asked about when nobody is there to be kicked.
                if !matches!(access, Access::Deliver(_)) || client.has_certificate() {
                    kick_list.add(client);
                }
                Answer::Denied
            }
        };
        if answer == Answer::Denied {
            denials.count(access);
        }
        answer
    }

    fn tick(&self, now: UnixTime) -> Effects {
        self.is_reloading.set(false);
        self.rules.look(now);
        let mut state = self.state.borrow_mut();
        let State { sessions, connections, kick_list, kicked, busy_log, recheck, .. } = &mut *state;
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
        let by_operator: Vec<_> = kicked.take().filter(is_there).map(|(client_id, _)| client_id).collect();
        client_ids.extend(recheck.sessions(sessions, &self.rules, now, |client_id, news| match news {
            News::Changed(permit) => connections.changed(client_id.as_str(), permit),
            News::Over(refusal) => {
                self.note(&format!("the session {:?} is over", client_id.as_str()), &refusal);
                connections.ends_by(client_id.as_str(), Ending::Refused(refusal));
            }
        }));
        let kick = |will| move |client_id| Kick { client_id, will };
        let forgets = client_ids.into_iter().map(kick(WillOnKick::Forget));
        // Only DISCONNECT of the client withdraws its will (MQTT 5 §3.14.4).
        let publishes = by_operator.into_iter().map(kick(WillOnKick::Publish));
        Effects { kicks: forgets.chain(publishes).collect(), messages: Vec::new() }
    }

    fn reload(&self, now: UnixTime) {
        self.is_reloading.set(true);
        self.rules.reload(now);
    }

    fn disconnect(&self, client: &dyn Client) {
        let mut state = self.state.borrow_mut();
        state.sessions.disconnected(client);
        state.kick_list.remove(client);
        state.kicked.remove(client);
        if let (Some(connection), Some(client_id)) = (state.connections.end(client), client.id()) {
            connection.write_end(client_id, ENDED, &*self.audit);
        }
    }
}

fn malformed(evidence: String) -> Refusal {
    Refusal::new(Reason::Malformed, evidence)
}

fn id_of(client: &dyn Client) -> Result<&str, Refusal> {
    let id = client.id().filter(|id| !id.is_empty());
    id.ok_or_else(|| malformed("it has no client id, or none that is UTF-8".to_owned()))
}

#[cfg(test)]
mod tests;
