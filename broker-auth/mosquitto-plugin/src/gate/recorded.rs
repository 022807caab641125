//! What is written down of those who come, and get in or not.

use authenticator::policy::Permit;
use authenticator::reason::Reason;
use authenticator::record::{Event, Record};
use rustls_pki_types::UnixTime;

use super::Gate;
use super::audit::{from_peer, peer_of};
use super::connections::{Connection, Ending};
use super::rules::Rules;
use super::told::Whom;
use super::turned_away::TurnedAway;
use crate::client::Client;
use crate::log::Level;

impl<R: Rules> Gate<R> {
    /// Writes down that `client` was admitted, unless it was before: mosquitto reads its configuration again.
    pub(super) fn note_admitted(&self, client: &dyn Client, permit: &Permit, now: UnixTime) {
        let mut state = self.state.borrow_mut();
        if state.connections.renew(client, permit) {
            return;
        }
        let whom = Whom { client, taken_for: Some(permit.client()) };
        let text = format!("countersign: {whom} is admitted by policy {:?}", permit.policy_name());
        self.log.write(Level::Info, &text);
        let (client_id, peer) = (client.id().unwrap_or_default(), peer_of(client));
        let record = Record::new(Event::Connect).permit(permit).client_id(client_id);
        let connection = Connection {
            peer,
            protocol: client.protocol(),
            decision: self.audit.write(&from_peer(record, peer)),
            since: now,
            permit: permit.clone(),
            handle: client.handle(),
            ending: None,
        };
        if let Some(earlier) = state.connections.begin(client_id, connection) {
            earlier.write_end(client_id, "the same client connected again", &*self.audit);
        }
    }

    /// Writes down that `client` was refused, or is no longer admitted.
    pub(super) fn note_turned_away(
        &self,
        client: &dyn Client,
        TurnedAway { whom, refusal }: &TurnedAway,
        now: UnixTime,
    ) {
        let mut state = self.state.borrow_mut();
        // mosquitto reads its configuration again, and asks about a client that it has.
        state.sessions.denied(client);
        let client_id = client.id().unwrap_or_default();
        if refusal.reason != Reason::RateLimited {
            self.note(&format!("{} is refused", Whom { client, taken_for: whom.as_ref() }), refusal);
        } else if state.busy_log.add(now) {
            let text = format!(
                "countersign: clients are told to come again: {}; further ones are not named",
                refusal.evidence
            );
            self.log.write(Level::Warning, &text);
        }
        if let Some(mut connection) = state.connections.end(client) {
            connection.ending.get_or_insert_with(|| Ending::Refused(refusal.clone()));
            return connection.write_end(client_id, "", &*self.audit);
        }
        let record = Record::new(Event::Connect).client_id(client_id).refused(refusal);
        let record = if let Some(whom) = whom { record.client(whom) } else { record };
        self.audit.write(&from_peer(record, peer_of(client)));
    }
}
