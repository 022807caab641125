//! [`Answers`]: what operators are answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use authenticator::certificate::timestamp;
use authenticator::evidence::OcspEvidence;
use authenticator::reason::Reason;
use broker_rules::audit::peer_text;
use broker_rules::config::ServerNames;
use broker_rules::explanation::{AskedListener, Explanation, Question};
use broker_rules::protocol::{Ambiguous, Answer, Explain, Explained, Kicked, Request, SessionLine, Subject};
use broker_rules::store::RulesetStore;
use data_encoding::BASE64;
use mosquitto_plugin::client::Protocol;
use mosquitto_plugin::gate::ListedSession;
use mosquitto_plugin::sessions::AmbiguousName;
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::fleet_rules::HOST;
use crate::host_status::HostStatus;
use crate::turns::{Asking, NoTurn};

/// What operators are answered. What only mosquitto's thread knows or does has its turn there.
pub(crate) struct Answers {
    rules: Arc<RulesetStore>,
    status: Arc<HostStatus>,
    mosquitto: Asking,
}

impl Answers {
    pub(crate) fn new(rules: Arc<RulesetStore>, status: Arc<HostStatus>, mosquitto: Asking) -> Self {
        Self { rules, status, mosquitto }
    }

    /// The answer to `request`, which is there by `deadline`.
    pub(crate) fn answer(&self, request: Request, deadline: Instant) -> Answer {
        let answered = match request {
            Request::Sessions => self
                .mosquitto
                .turn(deadline, |gate| gate.sessions())
                .map(|sessions| Answer::Sessions(sessions.into_iter().map(session_line).collect())),
            Request::Kick { id } => self.kick(id, deadline),
            Request::Status => Ok(Answer::Status(Box::new(self.status.status()))),
            Request::Reload => {
                self.mosquitto.turn(deadline, |gate| gate.rules().read_again()).map(Answer::Reloaded)
            }
            Request::Explain(explain) => self.explain(*explain, deadline),
            Request::AcceptTime { now } => Ok(self.accept_time(now)),
        };
        answered.unwrap_or_else(|error| Answer::Error(error.to_string()))
    }

    fn kick(&self, id: String, deadline: Instant) -> Result<Answer, NoTurn> {
        let name = id.clone();
        let closed = self.mosquitto.turn(deadline, move |gate| gate.kick(&name))?;
        let sessions = match closed {
            Ok(sessions) => sessions,
            Err(name) => return Ok(ambiguous(name)),
        };
        // mosquitto closes them when that tick is over: with the next turn it has.
        self.mosquitto.turn(deadline, |_| ())?;
        tracing::info!(identity = id, sessions, "an operator closed sessions");
        Ok(Answer::Kicked(Kicked { id, sessions }))
    }

    /// What the rules in force decide about a client.
    fn explain(&self, explain: Explain, deadline: Instant) -> Result<Answer, NoTurn> {
        let leaf = match explain.client {
            // What a client sends beside its leaf is mosquitto's alone, and decides nothing here.
            Subject::Presents(certificates) => {
                let leaf = certificates.first().and_then(|text| BASE64.decode(text.as_bytes()).ok());
                leaf.map(CertificateDer::from)
            }
            Subject::Connected(name) => {
                let connected = self.mosquitto.turn(deadline, move |gate| gate.connected(&name))?;
                match connected {
                    Ok(Some(permit)) => {
                        permit.client().certificate().map(|certificate| certificate.der().clone())
                    }
                    Ok(None) => return Ok(Answer::Explained(None)),
                    Err(name) => return Ok(ambiguous(name)),
                }
            }
        };
        let certificate = leaf.as_ref().map(|der| BASE64.encode(der)).unwrap_or_default();
        let explanation = self.explanation(&explain.question, leaf.as_slice(), explain.at);
        Ok(Answer::Explained(Some(Box::new(Explained { certificate, explanation }))))
    }

    fn explanation(&self, question: &Question, leaf: &[CertificateDer<'_>], at: Option<u64>) -> Explanation {
        let now =
            at.map_or_else(|| self.rules.now(), |at| UnixTime::since_unix_epoch(Duration::from_secs(at)));
        let server_names = ServerNames::default();
        let asked = AskedListener {
            place: 0,
            address: HOST.to_owned(),
            server_names: &server_names,
            is_https: false,
        };
        if !asked.is_met_by(question) {
            return Explanation::of_no_listener(question, now);
        }
        // Nobody is asked by OCSP here: a configuration that wants it is refused.
        let known = |_: &_| OcspEvidence::NotAsked;
        let rules = self.rules.present();
        let explanation = Explanation::of(question, &asked, &rules, now, leaf, known);
        refused_for_client_id(question, explanation)
    }

    /// Lowers the time floor to a time that the operator vouches for.
    fn accept_time(&self, now: u64) -> Answer {
        let wanted = UnixTime::since_unix_epoch(Duration::from_secs(now));
        match RulesetStore::lower_time_floor(std::iter::once(&self.rules), wanted) {
            Ok(before) => {
                let (before, now) = (timestamp(before), timestamp(wanted));
                tracing::warn!(before, now, "an operator lowered the time floor");
                Answer::TimeAccepted { floor: before }
            }
            Err(error) => Answer::TimeRefused(error.to_string()),
        }
    }
}

/// Where a broker would give the client another client id than it asks for, mosquitto cannot, and it is refused.
fn refused_for_client_id(question: &Question, explanation: Explanation) -> Explanation {
    let (Some(asked), Some(given)) = (&question.client_id, &explanation.client_id) else {
        return explanation;
    };
    if !explanation.allowed || asked == given {
        return explanation;
    }
    let evidence = format!("its client id would have to be {given:?}, and mosquitto lets nobody change it");
    Explanation {
        allowed: false,
        reason: Some(Reason::ClientIdMismatch.as_str().to_owned()),
        evidence: Some(evidence),
        ..explanation
    }
}

fn ambiguous(AmbiguousName { name, identities }: AmbiguousName) -> Answer {
    Answer::Ambiguous(Ambiguous { id: name, identities })
}

fn session_line(ListedSession { client_id, permit, connection }: ListedSession) -> SessionLine {
    let identity = permit.identity();
    let connection = connection.as_ref();
    let certificate = connection.and_then(|_| permit.client().certificate());
    SessionLine {
        client_id: client_id.into(),
        identity: identity.to_string(),
        namespace: identity.namespace().to_string(),
        connected: connection.is_some(),
        policy: connection.map(|_| permit.policy_name().to_owned()),
        protocol: connection.and_then(|connection| version(connection.protocol)).map(str::to_owned),
        peer: connection.and_then(|connection| connection.peer).map(peer_text),
        serial: certificate.map(|certificate| certificate.serial().to_string()),
        fingerprint_sha256: certificate.map(|certificate| certificate.fingerprint_sha256().to_string()),
        decision_id: connection.and_then(|connection| connection.decision).map(|id| id.to_string()),
        connected_at: connection.map(|connection| timestamp(connection.since)),
        subscriptions: None,
        queued: None,
    }
}

fn version(protocol: Protocol) -> Option<&'static str> {
    match protocol {
        Protocol::V31 => Some("3.1"),
        Protocol::V311 => Some("3.1.1"),
        Protocol::V5 => Some("5"),
        Protocol::Unknown => None,
    }
}
