//! [`Gate`]: who gets in and what they may, by the rules in force.

mod access;
mod evidence;
mod kick_list;
mod rules;

pub use rules::Rules;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use authenticator::decide::{Connect, Granted, Request, Standing as Continued, decide};
use authenticator::policy::{ClientId, DeniedPublish, Permit};
use authenticator::reason::{Reason, Refusal};
use authenticator::ruleset::Ruleset;
use rustls_pki_types::UnixTime;

use crate::callbacks::{Access, Admission, Answer, Authenticator, Effects, Kick, Login, WillOnKick};
use crate::client::{Client, Protocol};
use crate::log::{Level, Log};
use crate::sessions::{Sessions, Standing, Verdict};
use kick_list::KickList;

/// How many sessions are kept track of, connected or not.
const MAX_SESSIONS: usize = 250_000;

/// Every how many seconds all sessions are judged again, though no rule has changed: certificates end, lists grow old.
const RECHECK_SECONDS: u64 = 10;

/// Who gets in and what they may, by the rules in force.
pub struct Gate<R> {
    rules: R,
    log: Rc<dyn Log>,
    state: RefCell<State>,
}

struct State {
    sessions: Sessions,
    kick_list: KickList,
    /// The rules by which all sessions were judged last, and when that was, in Unix seconds.
    judged: Option<(Arc<Ruleset>, u64)>,
}

impl<R: Rules> Gate<R> {
    /// Decides by `rules`.
    pub fn new(rules: R, log: Rc<dyn Log>) -> Self {
        let sessions = Sessions::new(MAX_SESSIONS);
        let state = State { sessions, kick_list: KickList::default(), judged: None };
        Self { rules, log, state: RefCell::new(state) }
    }

    /// Decides about CONNECT, of which mosquitto shows the client id, and neither the will nor the session's expiry.
    fn decide(&self, client: &dyn Client, now: UnixTime) -> Result<(Permit, ClientId), Refusal> {
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
        let (permit, client_id) = match decide(&rules, &evidence, &Request::Connect(connect)).outcome? {
            Granted::Admitted { permit, client_id: Some(binding) } => (permit, binding.client_id().clone()),
            Granted::Asked { kind, client } => {
                let evidence = format!("the policy asks for a {kind}, which the plugin cannot look at");
                return Err(client.refused(Reason::SecondFactor, evidence));
            }
            Granted::Admitted { client_id: None, .. }
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

    fn admit(&self, client: &dyn Client, now: UnixTime) -> Result<Box<str>, Refusal> {
        let (permit, client_id) = self.decide(client, now)?;
        let user_name = permit.identity().name().into();
        let whoever = permit.client().clone();
        let admitted = self.state.borrow_mut().sessions.admit(&client_id, client.handle(), permit);
        admitted.map_err(|fault| whoever.refused(Reason::ClientIdMismatch, fault.to_string()))?;
        Ok(user_name)
    }

    fn note(&self, what: &str, refusal: &Refusal) {
        let text = format!("countersign: {what}: {} ({})", refusal.reason, refusal.evidence);
        self.log.write(Level::Notice, &text);
    }
}

impl<R: Rules> Authenticator for Gate<R> {
    fn basic_auth(&self, client: &dyn Client, _: &Login<'_>, now: UnixTime) -> Admission {
        match self.admit(client, self.rules.time(now)) {
            Ok(user_name) => Admission::Admitted { user_name },
            Err(refusal) => {
                // mosquitto reads its configuration again, and asks about a client that it has.
                self.state.borrow_mut().sessions.denied(client);
                let (id, address) = (client.id().unwrap_or_default(), client.address().unwrap_or("?"));
                self.note(&format!("{id:?} from {address} is refused"), &refusal);
                Admission::Denied
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
        self.rules.look(now);
        let now = self.rules.time(now);
        let rules = self.rules.in_force();
        let mut state = self.state.borrow_mut();
        let State { sessions, kick_list, judged } = &mut *state;
        sessions.settle();
        let is_there =
            |(client_id, handle): &(Box<str>, _)| !sessions.is_connected_as_other(client_id, *handle);
        let mut client_ids: Vec<_> =
            kick_list.take().filter(is_there).map(|(client_id, _)| client_id).collect();
        let is_due = judged.as_ref().is_none_or(|(by, at)| {
            !Arc::ptr_eq(by, &rules) || now.as_secs().abs_diff(*at) >= RECHECK_SECONDS
        });
        if is_due {
            client_ids.extend(sessions.judge(|permit, client_id| {
                let evidence = evidence::of_session(permit, &rules, now);
                match decide(&rules, &evidence, &Request::Continue(permit, client_id)).outcome {
                    Ok(Granted::Continued(Continued::Unchanged)) => Verdict::Unchanged,
                    Ok(Granted::Continued(Continued::Changed(permit))) => Verdict::Changed(permit),
                    Ok(_) => Verdict::Over,
                    Err(refusal) => {
                        self.note(&format!("the session {:?} is over", client_id.as_str()), &refusal);
                        Verdict::Over
                    }
                }
            }));
            *judged = Some((rules, now.as_secs()));
        }
        let kick = |client_id| Kick { client_id, will: WillOnKick::Forget };
        Effects { kicks: client_ids.into_iter().map(kick).collect(), messages: Vec::new() }
    }

    fn reload(&self, now: UnixTime) {
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
