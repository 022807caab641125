//! The line that a decision leaves behind.

use std::fmt;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use ring::rand::{SecureRandom, SystemRandom};

use crate::certificate::{Fingerprint, Serial};
use crate::identity::{Identity, VerifiedDevice};
use crate::policy::Permit;
use crate::reason::{Refusal, printable};

/// What a decision was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A TLS handshake.
    Handshake,
    /// A CONNECT.
    Connect,
    /// A PUBLISH.
    Publish,
    /// A SUBSCRIBE.
    Subscribe,
    /// A message that was not delivered.
    Deliver,
    /// The end of a session.
    SessionClosed,
}

impl Event {
    /// The word in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Connect => "connect",
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
            Self::Deliver => "deliver",
            Self::SessionClosed => "session_closed",
        }
    }
}

/// Names one decision in logs, events and answers. Unique across restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DecisionId {
    process: u64,
    count: u64,
}

impl DecisionId {
    /// The next one.
    pub fn next() -> Self {
        static PROCESS: OnceLock<u64> = OnceLock::new();
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let process = *PROCESS.get_or_init(|| {
            let mut octets = [0; 8];
            match SystemRandom::new().fill(&mut octets) {
                Ok(()) => u64::from_be_bytes(octets),
                // It only tells processes apart; nothing secret hangs on it.
                Err(_) => u64::from(std::process::id()),
            }
        });
        Self { process, count: COUNT.fetch_add(1, Ordering::Relaxed) }
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.process, self.count)
    }
}

/// A decision, with all that is known when it is made.
#[derive(Clone, Debug)]
pub struct Decision<'a> {
    id: DecisionId,
    event: Event,
    peer: Option<SocketAddr>,
    identity: Option<&'a Identity>,
    policy: Option<&'a str>,
    client_id: Option<&'a str>,
    topic: Option<&'a str>,
    serial: Option<Serial>,
    fingerprint: Option<Fingerprint>,
    refusal: Option<&'a Refusal>,
    note: Option<&'a str>,
}

impl<'a> Decision<'a> {
    /// A decision about `event`, so far without further facts.
    pub fn new(event: Event) -> Self {
        Self {
            id: DecisionId::next(),
            event,
            peer: None,
            identity: None,
            policy: None,
            client_id: None,
            topic: None,
            serial: None,
            fingerprint: None,
            refusal: None,
            note: None,
        }
    }

    /// Its id.
    pub fn id(&self) -> DecisionId {
        self.id
    }

    /// Where the client is.
    pub fn peer(mut self, peer: SocketAddr) -> Self {
        self.peer = Some(peer);
        self
    }

    /// Whose certificate is proven.
    pub fn device(mut self, device: &'a VerifiedDevice) -> Self {
        self.identity = Some(device.identity());
        self.serial = Some(*device.serial());
        self.fingerprint = Some(device.fingerprint_sha256());
        self
    }

    /// Who holds which permit.
    pub fn permit(self, permit: &'a Permit) -> Self {
        let mut decision = self.device(permit.device());
        decision.policy = Some(permit.policy_name());
        decision
    }

    /// The MQTT client id.
    pub fn client_id(mut self, client_id: &'a str) -> Self {
        self.client_id = Some(client_id);
        self
    }

    /// The topic or filter.
    pub fn topic(mut self, topic: &'a str) -> Self {
        self.topic = Some(topic);
        self
    }

    /// Refused, and why. Without it, allowed.
    pub fn refused(mut self, refusal: &'a Refusal) -> Self {
        self.refusal = Some(refusal);
        self
    }

    /// The word for what was decided. The end of a session that nobody cut off was no decision of ours.
    fn outcome(&self) -> &'static str {
        match (self.refusal, self.event) {
            (Some(_), _) => "refused",
            (None, Event::SessionClosed) => "ended",
            (None, _) => "allowed",
        }
    }

    /// Anything else worth a word, such as why a session ended.
    pub fn note(mut self, note: &'a str) -> Self {
        self.note = Some(note);
        self
    }
}

/// Writes the one line of `decision` and returns its id, for the answer to the client.
pub fn decision(decision: &Decision<'_>) -> DecisionId {
    let refused = decision.refusal.and_then(|refusal| refusal.certificate.as_deref());
    let serial = decision.serial.map(|serial| serial.to_string());
    let serial = serial.as_deref().or_else(|| refused.map(|certificate| certificate.serial.as_str()));
    let fingerprint = decision.fingerprint.map(|fingerprint| fingerprint.to_string());
    let fingerprint =
        fingerprint.as_deref().or_else(|| refused.map(|certificate| certificate.fingerprint_sha256.as_str()));
    // What a peer chose is escaped: a client id with a line break must not write a line of its own.
    let client_id = decision.client_id.map(|text| printable(text.to_owned()));
    let topic = decision.topic.map(|text| printable(text.to_owned()));
    macro_rules! write_line {
        ($level:expr) => {
            tracing::event!(
                target: "countersign::decision",
                $level,
                event = decision.event.as_str(),
                outcome = decision.outcome(),
                decision_id = %decision.id,
                identity = decision.identity.map(Identity::as_str),
                policy = decision.policy,
                client_id = client_id.as_deref(),
                topic = topic.as_deref(),
                reason = decision.refusal.map(|refusal| refusal.reason.as_str()),
                evidence = decision.refusal.map(|refusal| refusal.evidence.as_str()),
                subject = refused.map(|certificate| certificate.subject.as_str()),
                serial,
                fingerprint_sha256 = fingerprint,
                peer = decision.peer.map(tracing::field::display),
                note = decision.note,
            )
        };
    }
    match decision.refusal {
        Some(_) => write_line!(tracing::Level::WARN),
        None => write_line!(tracing::Level::INFO),
    }
    decision.id
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::reason::Reason;

    /// Keeps what is logged while `test` runs, one JSON document per line.
    fn logged(test: impl FnOnce()) -> Vec<serde_json::Value> {
        #[derive(Clone, Default)]
        struct Memory(Arc<Mutex<Vec<u8>>>);
        impl io::Write for Memory {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().expect("one thread").write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let memory = Memory::default();
        let writer = memory.clone();
        let lines = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone());
        tracing::subscriber::with_default(lines.finish(), test);
        let bytes = memory.0.lock().expect("one thread").clone();
        bytes
            .split(|octet| *octet == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).expect("JSON"))
            .collect()
    }

    #[test]
    fn a_refusal_is_one_line_with_its_reason_whatever_the_peer_wrote() {
        let refusal = Refusal::new(Reason::ClientIdMismatch, "the client id is \"x\ny\"");
        let hostile = "x\n{\"outcome\":\"allowed\"}\u{1b}[31m";
        let mut id = None;
        let lines = logged(|| {
            let peer = SocketAddr::from(([127, 0, 0, 1], 1));
            id = Some(decision(
                &Decision::new(Event::Connect).peer(peer).client_id(hostile).refused(&refusal),
            ));
        });
        let [line] = lines.as_slice() else { panic!("one line, and not {lines:?}") };
        assert_eq!(line["event"], "connect");
        assert_eq!(line["outcome"], "refused");
        assert_eq!(line["reason"], "client_id_mismatch");
        assert_eq!(line["peer"], "127.0.0.1:1");
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["decision_id"].as_str(), id.map(|id| id.to_string()).as_deref());
        let client_id = line["client_id"].as_str().expect("it is there");
        assert!(!client_id.chars().any(char::is_control), "{client_id:?}");
    }

    #[test]
    fn decision_ids_are_unique() {
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| DecisionId::next().to_string()).collect();
        assert_eq!(ids.len(), 1000);
    }
}
