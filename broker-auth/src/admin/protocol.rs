//! Requests and answers. *Warning:* `--json` prints answers as they are; extend, never rename.

use serde::{Deserialize, Serialize};

use crate::explanation::{Explanation, Question};

/// What an operator asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    /// All sessions.
    Sessions,
    /// Close the sessions of this identity (`namespace/name`, or the name alone) or client id.
    Kick { id: String },
    /// How the broker is.
    Status,
    /// Read the configuration and all that it names again, now.
    Reload,
    /// Decide about a client.
    Explain(Box<Explain>),
    /// It is this time (seconds since 1970), although revocation lists were in force that are newer.
    AcceptTime { now: u64 },
}

/// About whom is asked, and what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Explain {
    pub(crate) client: Subject,
    pub(crate) question: Question,
    /// Seconds since 1970; `None`: now.
    pub(crate) at: Option<u64>,
}

/// About whom is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Subject {
    /// Whoever presents these certificates, DER in base64, leaf first.
    Presents(Vec<String>),
    /// The connected client of this identity or client id, by what it has presented.
    Connected(String),
}

/// What the rules in force decide.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Explained {
    /// The certificate it is about, DER in base64; empty, if there is none.
    pub(crate) certificate: String,
    pub(crate) explanation: Explanation,
}

/// What the broker answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", content = "content", rename_all = "snake_case")]
pub(crate) enum Answer {
    Sessions(Vec<SessionLine>),
    Kicked(Kicked),
    /// The name stands for several identities, and nothing was closed.
    Ambiguous(Ambiguous),
    Status(Box<Status>),
    Reloaded(Reloaded),
    /// `None`: no client with that name is connected.
    Explained(Option<Box<Explained>>),
    /// The floor of before (RFC 3339).
    TimeAccepted {
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
pub(crate) struct SessionLine {
    pub(crate) client_id: String,
    pub(crate) identity: String,
    pub(crate) namespace: String,
    pub(crate) connected: bool,
    pub(crate) policy: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) peer: Option<String>,
    pub(crate) serial: Option<String>,
    pub(crate) fingerprint_sha256: Option<String>,
    pub(crate) decision_id: Option<String>,
    /// RFC 3339.
    pub(crate) connected_at: Option<String>,
    pub(crate) subscriptions: usize,
    pub(crate) queued: usize,
}

/// How many sessions were closed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kicked {
    pub(crate) id: String,
    pub(crate) sessions: usize,
}

/// A name that stands for several identities.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ambiguous {
    pub(crate) id: String,
    /// Each as `namespace/name`.
    pub(crate) identities: Vec<String>,
}

/// How the broker is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) version: String,
    pub(crate) pid: u32,
    pub(crate) uptime_seconds: u64,
    pub(crate) engine: String,
    pub(crate) engine_alive: bool,
    /// How often its router had to be replaced.
    pub(crate) engine_rebuilds: u64,
    pub(crate) sessions: usize,
    pub(crate) retained_messages: usize,
    /// Bytes of those.
    pub(crate) retained_bytes: usize,
    /// Bytes of messages that wait for clients.
    pub(crate) queued_bytes: usize,
    /// Log lines that could not be written.
    pub(crate) log_lines_lost: u64,
    /// Why the last reload was refused, if it was.
    #[serde(default)]
    pub(crate) reload_refused: Option<String>,
    /// Why second factors are verified by earlier files than those that are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) second_factors_refused: Option<String>,
    /// Why no token is taken, where an issuer of tokens is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tokens_refused: Option<String>,
    /// The time of the clock (RFC 3339).
    pub(crate) clock: String,
    /// The newest `thisUpdate` that was in force: it is judged as of the later of the two (RFC 3339).
    pub(crate) time_floor: String,
    pub(crate) listeners: Vec<ListenerLine>,
    /// The revocation lists that are fetched by URL; left out if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) fetched_lists: Vec<FetchedFileLine>,
    /// The key sets that are fetched by URL; left out if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) fetched_key_sets: Vec<FetchedFileLine>,
    pub(crate) counters: serde_json::Map<String, serde_json::Value>,
}

/// A revocation list, or a key set, that is fetched by URL.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FetchedFileLine {
    pub(crate) url: String,
    /// Where it is kept.
    pub(crate) file: String,
    /// When the server last sent it, or said that it is still the same, since the broker started (RFC 3339).
    pub(crate) fetched_at: Option<String>,
    /// Why it was not fetched the last time.
    pub(crate) refused: Option<String>,
    /// How often in a row it was not.
    pub(crate) failures: u32,
    /// When the server is asked next (RFC 3339).
    pub(crate) next_fetch: String,
    /// Of a key set: when the server last sent it, or said that it is still the same, before the start too (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) confirmed_at: Option<String>,
    /// Of a key set: from when on it is too old, unless it is confirmed again (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) too_old_at: Option<String>,
}

/// One listener.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ListenerLine {
    pub(crate) address: String,
    /// What clients ask for it by, where it shares its address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) server_names: Vec<String>,
    pub(crate) trust_generation: u64,
    /// RFC 3339.
    pub(crate) server_certificate_not_after: String,
    #[serde(default)]
    pub(crate) server_certificate: Option<ServerCertificateLine>,
    /// Why files of it were refused since they were last read well.
    #[serde(default)]
    pub(crate) refused: Vec<String>,
    /// `tls` or `https`.
    #[serde(default)]
    pub(crate) transport: String,
    /// `enforce` or `permissive`.
    #[serde(default)]
    pub(crate) mode: String,
    /// Whom `enforce` would have refused, as policies that only report have noted.
    #[serde(default)]
    pub(crate) reported: Reported,
    #[serde(default)]
    pub(crate) trusts: Vec<TrustLine>,
}

/// Clients that `enforce` would have refused.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Reported {
    /// The latest first.
    pub(crate) clients: Vec<ReportedLine>,
    /// Visits of others, which were not told apart.
    pub(crate) beyond: u64,
}

/// One of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ReportedLine {
    /// From the closed list of reasons.
    pub(crate) reason: String,
    pub(crate) evidence: String,
    pub(crate) policy: String,
    /// What its certificate says, which is not proven.
    pub(crate) subject: Option<String>,
    pub(crate) fingerprint_sha256: Option<String>,
    /// Where it came from last.
    pub(crate) peer: String,
    /// How often it came.
    pub(crate) count: u64,
    /// RFC 3339.
    pub(crate) last: String,
}

/// The certificate that a listener presents.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ServerCertificateLine {
    /// DNS names and IP addresses.
    pub(crate) names: Vec<String>,
    /// The kind of its key. `None`: it cannot be read.
    pub(crate) key: Option<String>,
    /// RFC 3339.
    pub(crate) not_before: String,
    /// RFC 3339.
    pub(crate) not_after: String,
    /// Until its end; negative: it is over.
    pub(crate) left_seconds: i64,
    /// Why clients refuse it, and what else should be looked at.
    pub(crate) warnings: Vec<String>,
}

/// One trust of a listener.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TrustLine {
    pub(crate) name: String,
    /// `refuse` or `warn`.
    pub(crate) legacy_leaf: String,
    /// Different certificates that were let in by `warn` since the start.
    pub(crate) legacy_leaves: u64,
    /// Whether there were more, which were not told apart.
    pub(crate) legacy_leaves_exceeded: bool,
    #[serde(default)]
    pub(crate) crls: Vec<CrlLine>,
}

/// The revocation lists of one CA.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CrlLine {
    pub(crate) issuer: String,
    /// A text, because JSON numbers end at 53 bits. A list may have none.
    pub(crate) number: Option<String>,
    /// RFC 3339.
    pub(crate) this_update: String,
    /// RFC 3339.
    pub(crate) next_update: String,
    pub(crate) age_seconds: u64,
    /// Until it is due to be replaced; negative: it is late.
    pub(crate) left_seconds: i64,
    pub(crate) entries: usize,
    /// current, due, late or stale.
    pub(crate) freshness: String,
}

/// What a reload did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Reloaded {
    pub(crate) changed: bool,
    pub(crate) refused: Vec<String>,
    /// What is in force now and should be looked at.
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
}
