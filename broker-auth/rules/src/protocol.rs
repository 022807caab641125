//! The words of the admin socket: requests and answers, one JSON object a line. *Warning:* `--json` prints answers as they
//! are; extend, never rename.

mod of_store;
mod status;

pub use status::{
    CrlLine, FetchedFileLine, ListenerLine, Reported, ReportedLine, ServerCertificateLine, Status, TrustLine,
};

use serde::{Deserialize, Serialize};

use crate::explanation::{Explanation, Question};

/// What an operator asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// All sessions.
    Sessions,
    /// Close the sessions of this identity (`namespace/name`, or the name alone) or client id.
    Kick {
        /// That name.
        id: String,
    },
    /// How the broker is.
    Status,
    /// Read the configuration and all that it names again, now.
    Reload,
    /// Decide about a client.
    Explain(Box<Explain>),
    /// It is this time (seconds since 1970), although revocation lists were in force that are newer.
    AcceptTime {
        /// The time.
        now: u64,
    },
}

/// About whom is asked, and what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Explain {
    /// The client.
    pub client: Subject,
    /// What is asked about it.
    pub question: Question,
    /// Seconds since 1970; `None`: now.
    pub at: Option<u64>,
}

/// About whom is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Whoever presents these certificates, DER in base64, leaf first.
    Presents(Vec<String>),
    /// The connected client of this identity or client id, by what it has presented.
    Connected(String),
}

/// What the rules in force decide.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Explained {
    /// The certificate it is about, DER in base64; empty, if there is none.
    pub certificate: String,
    /// What is decided, step by step.
    pub explanation: Explanation,
}

/// What the broker answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", content = "content", rename_all = "snake_case")]
pub enum Answer {
    /// All sessions.
    Sessions(Vec<SessionLine>),
    /// How many were closed.
    Kicked(Kicked),
    /// The name stands for several identities, and nothing was closed.
    Ambiguous(Ambiguous),
    /// How it is.
    Status(Box<Status>),
    /// What that did.
    Reloaded(Reloaded),
    /// `None`: no client with that name is connected.
    Explained(Option<Box<Explained>>),
    /// The floor of before (RFC 3339).
    TimeAccepted {
        /// That floor.
        floor: String,
    },
    /// The time is not accepted.
    TimeRefused(String),
    /// Only the broker's own user may ask that.
    Denied,
    /// The request was not understood.
    Error(String),
}

/// One session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionLine {
    /// The client id that it was opened under.
    pub client_id: String,
    /// The name of its client.
    pub identity: String,
    /// The namespace of that.
    pub namespace: String,
    /// Whether its client is there.
    pub connected: bool,
    /// The policy that let it in.
    pub policy: Option<String>,
    /// The version of MQTT.
    pub protocol: Option<String>,
    /// Where its client is.
    pub peer: Option<String>,
    /// The serial number of its client's certificate.
    pub serial: Option<String>,
    /// SHA-256 of that certificate.
    pub fingerprint_sha256: Option<String>,
    /// Under which the log has the decision.
    pub decision_id: Option<String>,
    /// RFC 3339.
    pub connected_at: Option<String>,
    /// How many filters it has. `None`: the host does not know.
    pub subscriptions: Option<usize>,
    /// Messages that wait for its client. `None`: the host does not know.
    pub queued: Option<usize>,
}

/// How many sessions were closed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kicked {
    /// The name that was asked for.
    pub id: String,
    /// How many.
    pub sessions: usize,
}

/// A name that stands for several identities.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ambiguous {
    /// The name that was asked for.
    pub id: String,
    /// Each as `namespace/name`.
    pub identities: Vec<String>,
}

/// What a reload did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Reloaded {
    /// Whether anything is different.
    pub changed: bool,
    /// Why nothing is put in force.
    pub refused: Vec<String>,
    /// What is in force now and should be looked at.
    #[serde(default)]
    pub warnings: Vec<String>,
}
