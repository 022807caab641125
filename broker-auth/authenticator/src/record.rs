//! What a decision leaves behind: one record, which the audit log writes as one line.

use std::fmt;
use std::net::SocketAddr;

use crate::certificate::{Fingerprint, PeerCertificate, Serial};
use crate::http::HttpMethod;
use crate::identity::{Client, Identity};
use crate::policy::Permit;
use crate::reason::Refusal;
use crate::verdict::Verdict;

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
    /// The end of a session.
    SessionClosed,
    /// An HTTP request.
    Http,
}

impl Event {
    /// The word in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Connect => "connect",
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
            Self::SessionClosed => "session_closed",
            Self::Http => "http",
        }
    }
}

/// Names one decision in logs, events and answers. Unique across restarts as far as `process` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DecisionId {
    /// A random number of the process.
    pub process: u64,
    /// Counts up.
    pub count: u64,
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.process, self.count)
    }
}

/// A decision, with all that is known when it is made.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// What it was about.
    pub event: Event,
    /// Its id; the audit log makes one if it has none yet.
    pub id: Option<DecisionId>,
    /// Where the client is.
    pub peer: Option<SocketAddr>,
    /// Who it is.
    pub identity: Option<&'a Identity>,
    /// What became of its certificate.
    pub verdict: Option<Verdict>,
    /// Its certificate, proven or not.
    pub certificate: Option<&'a PeerCertificate>,
    /// The policy that matched.
    pub policy: Option<&'a str>,
    /// The MQTT client id, as the peer has it.
    pub client_id: Option<&'a str>,
    /// The topic or filter, as the peer has it.
    pub topic: Option<&'a str>,
    /// The method of an HTTP request.
    pub method: Option<HttpMethod>,
    /// The path of an HTTP request.
    pub path: Option<&'a str>,
    /// The status code of the answer to an HTTP request.
    pub status: Option<u16>,
    /// The serial number of the certificate.
    pub serial: Option<Serial>,
    /// SHA-256 of the certificate.
    pub fingerprint_sha256: Option<Fingerprint>,
    /// Why it was refused; `None`: allowed.
    pub refusal: Option<&'a Refusal>,
    /// Anything else worth a word, such as why a session ended.
    pub note: Option<&'a str>,
}

impl<'a> Record<'a> {
    /// A decision about `event`, so far without further facts.
    pub fn new(event: Event) -> Self {
        Self {
            event,
            id: None,
            peer: None,
            identity: None,
            verdict: None,
            certificate: None,
            policy: None,
            client_id: None,
            topic: None,
            method: None,
            path: None,
            status: None,
            serial: None,
            fingerprint_sha256: None,
            refusal: None,
            note: None,
        }
    }

    /// With an id that was made before.
    #[must_use]
    pub fn id(mut self, id: DecisionId) -> Self {
        self.id = Some(id);
        self
    }

    /// With the address of the client.
    #[must_use]
    pub fn peer(mut self, peer: SocketAddr) -> Self {
        self.peer = Some(peer);
        self
    }

    /// With the client, and its certificate.
    #[must_use]
    pub fn client(mut self, client: &'a Client) -> Self {
        self.identity = Some(client.identity());
        self.verdict = Some(client.verdict());
        self.certificate = client.certificate();
        self.serial = client.certificate().map(|certificate| *certificate.serial());
        self.fingerprint_sha256 = client.certificate().map(PeerCertificate::fingerprint_sha256);
        self
    }

    /// With the policy.
    #[must_use]
    pub fn policy(mut self, policy: &'a str) -> Self {
        self.policy = Some(policy);
        self
    }

    /// With the permit, and the client that holds it.
    #[must_use]
    pub fn permit(self, permit: &'a Permit) -> Self {
        let mut record = self.client(permit.client());
        record.policy = Some(permit.policy_name());
        record
    }

    /// With the MQTT client id.
    #[must_use]
    pub fn client_id(mut self, client_id: &'a str) -> Self {
        self.client_id = Some(client_id);
        self
    }

    /// With the topic or filter.
    #[must_use]
    pub fn topic(mut self, topic: &'a str) -> Self {
        self.topic = Some(topic);
        self
    }

    /// With what an HTTP request asks for.
    #[must_use]
    pub fn request(mut self, method: HttpMethod, path: &'a str) -> Self {
        self.method = Some(method);
        self.path = Some(path);
        self
    }

    /// With the status code of the answer to an HTTP request.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Refused, and why.
    #[must_use]
    pub fn refused(mut self, refusal: &'a Refusal) -> Self {
        self.refusal = Some(refusal);
        self
    }

    /// With anything else worth a word.
    #[must_use]
    pub fn note(mut self, note: &'a str) -> Self {
        self.note = Some(note);
        self
    }

    /// The word for what was decided. A session that ended by itself was not decided about.
    pub fn outcome(&self) -> &'static str {
        match (self.refusal, self.event) {
            (Some(_), _) => "refused",
            (None, Event::SessionClosed) => "ended",
            (None, _) => "allowed",
        }
    }
}

/// The port to the audit log.
pub trait Audit: Send + Sync {
    /// Writes `record`. It gets an id if it has none yet.
    fn write(&self, record: &Record<'_>);
}
