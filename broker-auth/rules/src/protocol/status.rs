//! [`Status`]: how a broker is, or the host of a plugin; what that does not know is `null`. *Warning:* `--json` prints it as it is; extend, never rename.

use serde::{Deserialize, Serialize};

/// How the broker is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Of the program.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// How long it has been running.
    pub uptime_seconds: u64,
    /// The MQTT broker behind it.
    pub engine: String,
    /// Whether that goes on.
    pub engine_alive: bool,
    /// How often its router had to be replaced.
    pub engine_rebuilds: Option<u64>,
    /// How many there are.
    pub sessions: usize,
    /// How many there are.
    pub retained_messages: Option<usize>,
    /// Bytes of those.
    pub retained_bytes: Option<usize>,
    /// Bytes of messages that wait for clients.
    pub queued_bytes: Option<usize>,
    /// Log lines that could not be written.
    pub log_lines_lost: u64,
    /// Why the last reload was refused, if it was.
    #[serde(default)]
    pub reload_refused: Option<String>,
    /// Why second factors are verified by earlier files than those that are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_factors_refused: Option<String>,
    /// Why no token is taken, where an issuer of tokens is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_refused: Option<String>,
    /// The time of the clock (RFC 3339).
    pub clock: String,
    /// The newest `thisUpdate` that was in force: it is judged as of the later of the two (RFC 3339).
    pub time_floor: String,
    /// In the order of the configuration.
    pub listeners: Vec<ListenerLine>,
    /// The revocation lists that are fetched by URL; left out if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fetched_lists: Vec<FetchedFileLine>,
    /// The key sets that are fetched by URL; left out if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fetched_key_sets: Vec<FetchedFileLine>,
    /// What has happened since the start, by name.
    pub counters: serde_json::Map<String, serde_json::Value>,
}

/// A revocation list, or a key set, that is fetched by URL.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FetchedFileLine {
    /// From where.
    pub url: String,
    /// Where it is kept.
    pub file: String,
    /// When the server last sent it, or said that it is still the same, since the broker started (RFC 3339).
    pub fetched_at: Option<String>,
    /// Why it was not fetched the last time.
    pub refused: Option<String>,
    /// How often in a row it was not.
    pub failures: u32,
    /// When the server is asked next (RFC 3339).
    pub next_fetch: String,
    /// Of a key set: when the server last sent it, or said that it is still the same, before the start too (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<String>,
    /// Of a key set: from when on it is too old, unless it is confirmed again (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub too_old_at: Option<String>,
}

/// One listener.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ListenerLine {
    /// Where it listens.
    pub address: String,
    /// What clients ask for it by, where it shares its address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub server_names: Vec<String>,
    /// How often its rules have changed.
    pub trust_generation: u64,
    /// RFC 3339.
    pub server_certificate_not_after: Option<String>,
    /// What it presents.
    #[serde(default)]
    pub server_certificate: Option<ServerCertificateLine>,
    /// Why files of it were refused since they were last read well.
    #[serde(default)]
    pub refused: Vec<String>,
    /// `tls` or `https`.
    #[serde(default)]
    pub transport: String,
    /// `enforce` or `permissive`.
    #[serde(default)]
    pub mode: String,
    /// Whom `enforce` would have refused, as policies that only report have noted.
    #[serde(default)]
    pub reported: Reported,
    /// Its trusts.
    #[serde(default)]
    pub trusts: Vec<TrustLine>,
}

/// Clients that `enforce` would have refused.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Reported {
    /// The latest first.
    pub clients: Vec<ReportedLine>,
    /// Visits of others, which were not told apart.
    pub beyond: u64,
}

/// One of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReportedLine {
    /// From the closed list of reasons.
    pub reason: String,
    /// The facts behind that.
    pub evidence: String,
    /// The policy that noted it.
    pub policy: String,
    /// What its certificate says, which is not proven.
    pub subject: Option<String>,
    /// SHA-256 of that certificate.
    pub fingerprint_sha256: Option<String>,
    /// Where it came from last.
    pub peer: String,
    /// How often it came.
    pub count: u64,
    /// RFC 3339.
    pub last: String,
}

/// The certificate that a listener presents.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerCertificateLine {
    /// DNS names and IP addresses.
    pub names: Vec<String>,
    /// The kind of its key. `None`: it cannot be read.
    pub key: Option<String>,
    /// RFC 3339.
    pub not_before: String,
    /// RFC 3339.
    pub not_after: String,
    /// Until its end; negative: it is over.
    pub left_seconds: i64,
    /// Why clients refuse it, and what else should be looked at.
    pub warnings: Vec<String>,
}

/// One trust of a listener.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TrustLine {
    /// What it is called.
    pub name: String,
    /// `refuse` or `warn`.
    pub legacy_leaf: String,
    /// Different certificates that were let in by `warn` since the start.
    pub legacy_leaves: u64,
    /// Whether there were more, which were not told apart.
    pub legacy_leaves_exceeded: bool,
    /// Those of its CAs.
    #[serde(default)]
    pub crls: Vec<CrlLine>,
}

/// The revocation lists of one CA.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CrlLine {
    /// The CA.
    pub issuer: String,
    /// A text, because JSON numbers end at 53 bits. A list may have none.
    pub number: Option<String>,
    /// RFC 3339.
    pub this_update: String,
    /// RFC 3339.
    pub next_update: String,
    /// Since `thisUpdate`.
    pub age_seconds: u64,
    /// Until it is due to be replaced; negative: it is late.
    pub left_seconds: i64,
    /// Serial numbers on it.
    pub entries: usize,
    /// current, due, late or stale.
    pub freshness: String,
}
